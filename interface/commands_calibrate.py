"""`polyhead calibrate`: probabilities that mean something, and thresholds that were measured."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .commands_evaluate import tell_absent_tasks
from .commands_train import Overrides, RecipeFile, Split

if TYPE_CHECKING:
    from .configuration.tasks_polyhead import TaskConfig
    from .publishing.calibration import Calibration


def calibrate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a trained model, which is changed.")],
    recipe: RecipeFile,
    split: Annotated[Split, typer.Option(help="Rows that the model was not trained on.")] = Split.VALIDATION,
    tasks: Annotated[str | None, typer.Option(help="Tasks to calibrate: a,b [default: all with labels].")] = None,
    coverage: Annotated[
        float | None, typer.Option(help="Withhold the least sure answers, so that this share is given: 0.9.")
    ] = None,
    precision: Annotated[
        float | None, typer.Option(help="Withhold answers until this share of those given is right: 0.95.")
    ] = None,
    overrides: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Fit temperatures and thresholds on rows not trained on.

    A temperature for each head, and a threshold for each label where labels are decided one by one. They are kept in
    the model's config and used wherever it answers. The errors after are of rows that were not fitted on. With
    --coverage or --precision also the score from which on `predict --abstain` answers.
    """
    from .json_lines import print_json
    from .loading import load_checkpoint
    from .publishing.abstention import Target
    from .publishing.calibrate import calibrate_model, store_calibration
    from .publishing.stored_scores import check_folder
    from .tables import print_abstentions, print_calibrations
    from .training.data.tables import has_split
    from .training.recipe.recipe import load_recipe
    from .training.recipe_evaluation import read_split

    target = None if coverage is None and precision is None else Target(coverage, precision)
    check_folder(folder)
    content = load_recipe(recipe, overrides or [])
    model = load_checkpoint(str(folder))
    told = _abstaining(model.config.tasks)
    names = None if tasks is None else [name.strip() for name in tasks.split(",")]
    train = None
    if target is not None and any(has_split(source, "train") for source in content.data):
        train = read_split(model, content, "train")
        typer.echo(f"reading what is in scope from up to {len(train):,} training rows", err=True)
    found = calibrate_model(model, read_split(model, content, split.value), names, target, train)
    tell_absent_tasks(model, content)
    datasets = ", ".join(source.name for source in content.data if has_split(source, split.value))
    store_calibration(folder, model, found, datasets, split.value)
    if silent := told - _abstaining(model.config.tasks):
        gone = "no thresholds for withholding answers any more, as neither --coverage nor --precision came"
        typer.echo(f"note: {', '.join(sorted(silent))}: {gone}", err=True)
    _tell_missed(found, precision)
    if as_json:
        print_json({"model": str(folder), "split": split.value, "tasks": [_row(calibration) for calibration in found]})
    else:
        print_calibrations([_row(calibration) for calibration in found])
        if target is not None:
            print_abstentions([_row(calibration) for calibration in found if calibration.abstention])
        print(_draw(found, folder / "run"))
        print(f"model: {folder}")


def _abstaining(tasks: list["TaskConfig"]) -> set[str]:
    return {task.name for task in tasks if task.min_confidence is not None or task.max_out_of_scope is not None}


def _tell_missed(found: list["Calibration"], precision: float | None) -> None:
    for item in found:
        if item.abstention is not None and precision is not None and item.abstention.precision < precision:
            right = f"{item.abstention.precision:.1%} of its answers to rows that were not fitted on are right"
            remedy = "calibrate on more rows, or ask for more"
            typer.echo(f"note: {item.task.name}: {right}, not {precision:.1%}; {remedy}", err=True)


def _row(calibration: "Calibration") -> dict[str, Any]:
    task = calibration.task
    measured = {key: getattr(calibration, key) for key in ("ece_before", "ece_after", "brier_before", "brier_after")}
    fitted = {"temperature": task.temperature, "thresholds": task.thresholds}
    told = {} if calibration.abstention is None else vars(calibration.abstention)
    return {"task": task.name, "items": calibration.items, **fitted, **measured, **told}


def _draw(calibrations: list["Calibration"], folder: Path) -> str:
    if importlib.util.find_spec("matplotlib") is None:
        return "no pictures: they need matplotlib, pip install 'polyhead[plots]'"
    from .publishing.reliability_picture import draw_reliability

    return f"pictures: {', '.join(str(file) for file in draw_reliability(calibrations, folder))}"
