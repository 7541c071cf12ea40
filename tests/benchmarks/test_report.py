"""The report tells what was found, met or not, right or wrong."""

from dataclasses import replace

from harness.findings import Check, Curve, Rate, Row, Spread
from report.pictures import draw_pictures
from report.report import told, write_report

SPREAD = Spread(median=1.824, low=1.7, high=1.9, rounds=5)
ROW = Row("`encode`", "the peer", ">= 1.7", SPREAD)


def test_a_row_tells_target_measured_spread_and_verdict():
    assert "| `encode` | the peer | >= 1.7x | **1.82x** | 1.7x to 1.9x, 5 rounds | yes |" in write_report(_results(ROW))


def test_a_missed_target_is_told():
    assert "| **1.5x** | 1.4x to 1.6x, 5 rounds | **no** |" in write_report(
        _results(replace(ROW, measured=Spread(1.5, 1.4, 1.6, 5)))
    )


def test_a_wrong_result_is_told_with_its_difference():
    report = write_report(_results(replace(ROW, checks=[Check("largest difference", 0.25, at_most=1e-5)])))

    assert "**no: wrong result**" in report
    assert "| `encode` | the peer | largest difference | 0.25 | at most 1e-05 | **no** |" in report


def test_a_row_without_a_measurement_says_why():
    report = write_report(_results(replace(ROW, measured=None, note="this processor has none.")))

    assert "| not measured | - | - |" in report
    assert "- `encode`, the peer: this processor has none." in report


def test_a_failed_subject_is_told_with_its_error():
    results = _results(ROW)
    results["subjects"]["encoding"]["error"] = "ValueError: no such model"

    assert "- **encoding failed**: `ValueError: no such model`" in write_report(results)


def test_a_curve_is_a_table_with_a_column_for_each_line():
    curve = Curve(
        "Rate over length", "tokens a text", "tokens/s", {"ours": [(16, 4000.0), (512, 3000.0)], "peer": [(16, 2000.0)]}
    )

    report = write_report(_results(curve))

    assert "| tokens a text | ours, tokens/s | peer, tokens/s |" in report
    assert "| 16 | 4,000 | 2,000 |" in report
    assert "| 512 | 3,000 | - |" in report


def test_nothing_of_the_template_is_left_open():
    assert "<<" not in write_report(_results(ROW, Rate("`encode`", 196.04, "texts/s")))


def test_figures_have_three_digits():
    assert [told(1.624, "x"), told(0.2134, "s"), told(1240.4, "texts/s"), told(0.0)] == [
        "1.62x",
        "0.213 s",
        "1,240 texts/s",
        "0",
    ]


def test_ratios_and_curves_are_drawn(tmp_path):
    curve = Curve("Rate over length", "tokens a text", "tokens/s", {"ours": [(16, 4000.0), (512, 3000.0)]})

    draw_pictures(_results(ROW, curve), tmp_path)

    assert sorted(file.name for file in tmp_path.iterdir()) == ["performance_growth.png", "performance_ratios.png"]


def _results(*findings):
    by_kind = {f"{kind}s": [] for kind in ("row", "rate", "curve")}
    for finding in findings:
        by_kind[f"{finding.as_dict()['kind']}s"].append(finding.as_dict())
    flags = {"avx2": True, "amx_bf16": False}
    machine = {
        "processor": "a processor",
        "flags": flags,
        "cores": 2,
        "threads": 2,
        "memory_gb": 8.0,
        "system": "Linux",
    }
    return {
        "date": "2026-11-21", "minutes": 1.0, "machine": machine, "versions": {"python": "3.11"},
        "subjects": {"encoding": {"seconds": 1.0, "error": None, **by_kind}},
    }  # fmt: skip
