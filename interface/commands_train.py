"""`polyhead train` and `polyhead evaluate`: a recipe in, scores out."""

import shlex
from collections.abc import Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .mistakes import FAILED

if TYPE_CHECKING:
    from .training.check.report import DataReport
    from .training.evaluation import Scores


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
    from .tables import print_scores
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
        print_scores(_main_scores(result.model, result.scores), f"{result.split} scores")
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


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a trained model, or its name on the Hub.")],
    recipe: RecipeFile,
    split: Annotated[Split, typer.Option(help="Which rows to measure on.")],
    tasks: Annotated[str | None, typer.Option(help="Tasks to measure: a,b [default: all with labels].")] = None,
    overrides: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
    save: Annotated[bool, typer.Option("--save", help="Keep the scores in the model's config and card.")] = False,
) -> None:
    """Measure a model on one split of a recipe's data."""
    from .json_lines import print_json
    from .loading import load_checkpoint
    from .publishing.stored_scores import check_folder, store_scores
    from .tables import print_scores
    from .training.recipe.recipe import load_recipe
    from .training.recipe_evaluation import evaluate_recipe, result_rows

    if save:
        check_folder(model)
    names = None if tasks is None else [name.strip() for name in tasks.split(",")]
    loaded, scores = evaluate_recipe(load_checkpoint(model), recipe, split.value, overrides or [], names)
    tell_absent_tasks(loaded, load_recipe(recipe, overrides or []))
    if as_json:
        print_json({"model": model, "split": split.value, "scores": scores})
    else:
        print_scores(_all_scores(loaded, scores), f"{split.value} scores")
    if save:
        rows = result_rows(loaded, load_recipe(recipe, overrides or []), scores, split.value)
        store_scores(Path(model), rows)
        typer.echo(f"scores stored in {model}", err=True)


def tell_absent_tasks(model: Any, recipe: Any) -> None:
    """Say which tasks of a recipe are left out because the model does not have them."""
    known = {task.name for task in model.config.tasks}
    absent = [task.name for task in recipe.tasks if task.name not in known]
    if absent:
        typer.echo(f"left out: {', '.join(absent)}, which the recipe has and the model has not", err=True)


def _all_scores(model: Any, scores: "Scores") -> list[dict[str, Any]]:
    from .training.metrics.multi_task_score import primary_metric

    return [
        {
            "task": name,
            "kind": model.config.task(name).kind,
            "metric": metric,
            "score": value,
            "is_main": metric == primary_metric(model.config.task(name)),
        }
        for name, values in scores.items()
        for metric, value in values.items()
    ]


def _main_scores(model: Any, scores: "Scores") -> list[dict[str, Any]]:
    return [{**row, "is_main": False} for row in _all_scores(model, scores) if row["is_main"]]


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
