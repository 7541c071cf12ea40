"""`polyhead study`: variants of a recipe over seeds and sizes, and what can be said about them."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from .training.study.outcome import Outcome
    from .training.study.runner import Progress

_QUICK = Path("recipes/studies/quick.yaml")
_QUICK_TIME = "5m"


def study(
    file: Annotated[Path | None, typer.Argument(metavar="STUDY", help="The YAML file of the study.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for results, report and pictures.")] = Path("runs/studies"),
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Start no run that would not end in time: 30m, 2h.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Training runs at a time.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="A study of five minutes on the quickstart's data.")] = False,
    test: Annotated[bool, typer.Option("--test", help="Measure on the test split too.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run again what has failed.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Run nothing, make the report from the results.")] = False,
) -> None:
    """Compare variants of a recipe over seeds and sizes."""
    from .durations import parse_duration
    from .quiet import quiet_transformers
    from .training.study.outcome import report_study
    from .training.study.study import run_study

    path = _study_file(file, quick)
    budget = budget or (_QUICK_TIME if quick else None)
    seconds = parse_duration(budget, "--budget") if budget else None
    quiet_transformers()
    if report:
        _print_outcome(report_study(path, output))
        return
    try:
        outcome = run_study(path, output, _tell, jobs, seconds, test, retry_failed)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Go on with: {shlex.join(['polyhead', *sys.argv[1:]])}") from None
    _print_outcome(outcome)
    if outcome.num_failed:
        raise typer.Exit(1)


def _study_file(file: Path | None, quick: bool) -> Path:
    if quick and file is not None:
        raise ValueError(f"--quick and STUDY '{file}' came; give one of them.")
    if quick and not _QUICK.is_file():
        raise ValueError(f"--quick needs '{_QUICK}', which a clone of polyhead has; run it in the clone's folder.")
    if file is None and not quick:
        raise ValueError("no STUDY came; name a study file, or add --quick.")
    return file or _QUICK


def _tell(progress: "Progress") -> None:
    """Print one line on standard error when a cell has ended, and one when the first begins."""
    from .durations import rough_duration

    left = "" if progress.seconds_left is None else f"; {rough_duration(progress.seconds_left)} left"
    name = describe_cell(progress.cell)
    if progress.line is None:
        typer.echo(f"[{progress.num_done}/{progress.num_cells}] {name}{left}", err=True)
    else:
        typer.echo(f"[{progress.num_done}/{progress.num_cells}] {name}: {_outcome(progress.line)}{left}", err=True)


def describe_cell(cell: Any) -> str:
    """Say in a few words which cell it is."""
    size = "all rows" if cell.size is None else f"{cell.size} rows"
    return f"{cell.recipe.stem}, {size}, {cell.variant}, seed {cell.seed}"


def _outcome(line: dict[str, Any]) -> str:
    if "error" in line:
        return f"failed, {line['error']}"
    return f"score {line['score']:.4f} in {line['wall_seconds']:.0f} s"


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


def _print_outcome(outcome: "Outcome") -> None:
    for title, sentences in outcome.verdicts.items():
        print(f"{title}: {sentences.replace('**', '')}")
    if outcome.num_left_out:
        print(f"{_runs(outcome.num_left_out)} left out; the same command goes on with what is missing")
    if outcome.num_failed:
        print(f"{_runs(outcome.num_failed)} failed; the report says why, --retry-failed runs what failed again")
    report, *others = outcome.files
    for file in others:
        if file.suffix == ".yaml":
            print(f"best recipe: {file}")
    print(f"report: {report}")
