"""The committed report on speed says what the committed measurement says."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from report.report import write_report  # noqa: E402 - the benchmarks are scripts beside the package

RESULTS = ROOT / "docs" / "performance.json"


def test_report_is_that_of_the_results():
    report = write_report(json.loads(RESULTS.read_text(encoding="utf-8")))

    assert RESULTS.with_suffix(".md").read_text(encoding="utf-8") == report, "run `make performance-report`"


def test_measurement_is_a_whole_one():
    results = json.loads(RESULTS.read_text(encoding="utf-8"))

    assert not results["is_quick"]
    assert {name: one["error"] for name, one in results["subjects"].items() if one["error"] is not None} == {}
