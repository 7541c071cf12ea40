"""The report: tables from the results, joined with the passages of `performance.md` beside this file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).parent / "performance.md"
Results = dict[str, Any]
VERDICTS = {True: "yes", False: "**no**", None: "-"}


def write_files(results: Path) -> Path:
    """Write the report and its pictures beside a JSON file of results; returns the report."""
    from .pictures import draw_pictures

    loaded = json.loads(results.read_text(encoding="utf-8"))
    draw_pictures(loaded, results.parent / "pictures")
    report = results.with_suffix(".md")
    report.write_text(write_report(loaded), encoding="utf-8")
    return report


def write_report(results: Results) -> str:
    """Return the report as Markdown."""
    text = TEMPLATE.read_text(encoding="utf-8")
    parts = {
        "machine": _machine(results),
        "targets": _table(TARGET_HEADS, _targets(results)),
        "notes": "\n".join(_notes(results)),
        "checks": _table(CHECK_HEADS, _checks(results)),
        "rates": _table(RATE_HEADS, _rates(results, is_share=False)),
        "shares": _table(SHARE_HEADS, _rates(results, is_share=True)),
        "curves": "\n\n".join(_curves(results)),
    }
    for name, part in parts.items():
        text = text.replace(f"<<{name}>>", part)
    return text.replace("\n\n\n", "\n\n")


def rows(results: Results) -> list[dict[str, Any]]:
    """Return the rows of the table of targets, of all subjects."""
    return [row for subject in results["subjects"].values() for row in subject["rows"]]


def curves(results: Results) -> list[dict[str, Any]]:
    """Return the curves of all subjects."""
    return [curve for subject in results["subjects"].values() for curve in subject["curves"]]


def told(value: float, unit: str = "") -> str:
    """Return three digits, as people read them: `1.62x`, `0.213 s`, `1,240 texts/s`."""
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if value else "0"
    return number + ("x" if unit == "x" else f" {unit}".rstrip())


TARGET_HEADS = ("work", "against", "target", "measured", "spread", "met")
CHECK_HEADS = ("work", "against", "compared", "found", "allowed", "right")
RATE_HEADS = ("what", "rate")
SHARE_HEADS = ("work", "share of its time")


def _targets(results: Results) -> Iterator[tuple[str, ...]]:
    for row in rows(results):
        found, unit, target = row["measured"], row["unit"], row["target"]
        asked = f"{target}{'x' if unit == 'x' else f' {unit}'}" if target else "-"
        if found is None:
            yield row["work"], row["against"], asked, "not measured", "-", VERDICTS[row["met"]]
            continue
        rounds = f"{found['rounds']} round{'s' if found['rounds'] > 1 else ''}"
        spread = f"{told(found['low'], unit)} to {told(found['high'], unit)}, {rounds}"
        verdict = VERDICTS[row["met"]] if row["is_right"] else "**no: wrong result**"
        yield row["work"], row["against"], asked, f"**{told(found['median'], unit)}**", spread, verdict


def _notes(results: Results) -> Iterator[str]:
    for row in rows(results):
        if row["note"]:
            yield f"- {', '.join(filter(None, (row['work'], row['against'])))}: {row['note']}"
    for name, subject in results["subjects"].items():
        if subject["error"] is not None:
            yield f"- **{name} failed**: `{subject['error']}`"


def _checks(results: Results) -> Iterator[tuple[str, ...]]:
    for row in rows(results):
        for check in row["checks"]:
            limits = [f"{words} {check[key]:g}" for key, words in LIMITS.items() if check[key] is not None]
            found = f"{check['found']:.3g}" if abs(check["found"]) < 0.1 else f"{check['found']:.5g}"
            right = VERDICTS[check["is_right"]]
            yield row["work"], row["against"], check["what"], found, ", ".join(limits) or "-", right


LIMITS = {"at_most": "at most", "at_least": "at least"}


def _rates(results: Results, is_share: bool) -> Iterator[tuple[str, ...]]:
    for subject in results["subjects"].values():
        for rate in subject["rates"]:
            if (rate["unit"] == "%") == is_share:
                yield rate["contender"], told(rate["value"], rate["unit"])


def _curves(results: Results) -> Iterator[str]:
    for curve in curves(results):
        lines = {name: dict(map(tuple, points)) for name, points in curve["lines"].items()}
        places = sorted({x for points in lines.values() for x in points})
        cells = [(told(x), *(told(points[x]) if x in points else "-" for points in lines.values())) for x in places]
        table = _table((curve["x"], *(f"{name}, {curve['y']}" for name in lines)), cells)
        yield f"**{curve['name']}**\n\n{table}"


def _machine(results: Results) -> str:
    machine, flags = results["machine"], results["machine"]["flags"]
    have = ", ".join(f"`{flag}`" for flag, there in flags.items() if there) or "none of those asked for"
    lack = ", ".join(f"`{flag}`" for flag, there in flags.items() if not there)
    packages = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    return (
        f"Measured on {results['date']} in {results['minutes']:g} minutes: {machine['processor']}, {machine['cores']} cores, "
        f"{machine['threads']} threads, {machine['memory_gb']:g} GB, {machine['system']}. Flags: {have}"
        f"{f'; not {lack}' if lack else ''}. {packages}."
    )


def _table(heads: tuple[str, ...], cells: Any) -> str:
    lines = [heads, ["---"] * len(heads), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
