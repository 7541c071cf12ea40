"""What of the studies has run, what was left out, and how long it took; `study_figures.py` puts it into the documentation."""

from pathlib import Path

from polyhead.training.study.cells import plan_cells
from polyhead.training.study.results_file import Line, read_results
from polyhead.training.study.study_file import load_study

STUDIES = Path(__file__).resolve().parent / "studies"
RESULTS = STUDIES.parent.parent / "docs" / "study"


def report() -> str:
    """Return a Markdown table: a line a results file, runs and hours of the clock, mostly of one core of two."""
    rows = ["| results | runs | left out | hours |", "| --- | --- | --- | --- |"]
    total = 0.0
    for file in sorted(RESULTS.glob("*.jsonl")):
        lines, study = read_results(file), STUDIES / f"{file.stem}.yaml"
        planned = len(plan_cells(load_study(study), will_run=False)) if study.is_file() else len(lines)
        seconds = [time for line in lines if (time := _seconds(line)) is not None]
        total += sum(seconds)
        name = f"[{file.stem}](study/{file.stem}.md)" if study.is_file() else file.stem
        told = f"{sum(seconds) / 3600:.1f}" if seconds else "not kept"
        rows.append(f"| {name} | {len(lines)} | {max(0, planned - len(lines)) or ''} | {told} |")
    return "\n".join([*rows, f"| together | | | {total / 3600:.1f} |"])


def _seconds(line: Line) -> float | None:
    return line.get("wall_seconds", line.get("seconds"))
