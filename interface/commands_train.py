"""`polyhead train`: a recipe in, a trained model out."""

import shlex
from collections.abc import Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .mistakes import FAILED

if TYPE_CHECKING:
    from .training.check.report import DataReport


class Split(str, Enum):
    """The splits that a recipe can have."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE", help="The YAML file.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one value of the recipe: train.learning_rate=3e-5."),
]


def train(
    recipe: RecipeFile,
    output: Annotated[Path, typer.Option(help="New or empty folder for the model.")],
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint in the folder.")] = False,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not report on labels, cut and repeated texts first.")
    ] = False,
) -> None:
    """Train the model that a recipe describes."""
    from .training.run.output_folder import check_output

    check_output(output, resume)  # before seconds of imports
    from .quiet import quiet_transformers
    from .tables import print_scores, score_rows
    from .training.run.processes import is_first_process, leave_processes
    from .training.training import train_recipe

    quiet_transformers()
    show_data = None if no_check or not is_first_process() else partial(_show_data, recipe, overrides or [])
    try:
        result = train_recipe(recipe, output, overrides or [], resume, show_data)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_how_to_go_on(recipe, output, overrides or [])) from None
    finally:
        leave_processes()
    if not is_first_process():
        return
    if result.split is not None:
        mains = [{**row, "is_main": False} for row in score_rows(result.model, result.scores) if row["is_main"]]
        print_scores(mains, f"{result.split} scores")
    else:
        print("no scores: the recipe has no validation split")
    told = "no pictures: they need matplotlib, pip install 'polyhead[plots]'"
    if result.pictures is not None:
        told = f"{len(result.pictures)} pictures"
    print(f"run: {result.record} (metrics, recipe, versions, {told})")
    print(f"model: {result.output}")
    if result.stopped is not None:
        typer.echo(result.stopped, err=True)
        raise typer.Exit(FAILED)


def _show_data(recipe: Path, overrides: Sequence[str], report: "DataReport") -> None:
    from .check_tables import print_short_report
    from .training.check.warnings import find_warnings

    print_short_report(
        report, find_warnings(report), shlex.join(["polyhead", "check", str(recipe), *_options(overrides)])
    )


def _how_to_go_on(recipe: Path, output: Path, overrides: Sequence[str]) -> str:
    if not any(output.glob("checkpoint-*")):
        return "Nothing was saved yet: start again with the same command."
    command = ["polyhead", "train", str(recipe), "--output", str(output), *_options(overrides), "--resume"]
    return f"Go on with: {shlex.join(command)}"


def _options(overrides: Sequence[str]) -> list[str]:
    return [option for override in overrides for option in ("--set", override)]
