"""`polyhead evaluate`: the scores of a trained model."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .commands_train import Overrides, RecipeFile, Split


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a trained model, or its name on the Hub.")],
    recipe: RecipeFile,
    split: Annotated[Split, typer.Option(help="Which rows to measure on.")],
    tasks: Annotated[str | None, typer.Option(help="Tasks to measure: a,b [default: all with labels].")] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="Model of one of the tasks alone, to compare with; may come several times."),
    ] = None,
    overrides: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
    save: Annotated[
        bool, typer.Option("--save", help="Keep scores and measured speed in the model's config and card.")
    ] = False,
) -> None:
    """Measure a model on one split of a recipe's data."""
    from .json_lines import print_json
    from .loading import load_checkpoint
    from .publishing.speed import measure_speed
    from .publishing.stored_scores import check_folder, store_scores
    from .tables import print_scores, score_rows
    from .training.data.examples import row_text
    from .training.recipe.recipe import load_recipe
    from .training.recipe_evaluation import evaluate_recipe, read_split, result_rows, single_task_scores

    if save:
        check_folder(model)
    changes = overrides or []
    names = None if tasks is None else [name.strip() for name in tasks.split(",")]
    alone = [load_checkpoint(name) for name in against or []]
    loaded, scores = evaluate_recipe(load_checkpoint(model), recipe, split.value, changes, names)
    content = load_recipe(recipe, changes)
    tell_absent_tasks(loaded, content)
    rows = result_rows(loaded, content, scores, split.value)
    compared = single_task_scores(alone, rows, recipe, split.value, changes)
    if as_json:
        print_json({"model": model, "split": split.value, "scores": scores, **({"alone": compared} if alone else {})})
    else:
        print_scores(score_rows(loaded, scores), f"{split.value} scores")
        for row in rows:
            if row["task"] in compared:
                print(f"{row['task']}, {row['metric']}: {row['value']:.4f} here, {compared[row['task']]:.4f} alone")
    if save:
        texts = [row_text(row) for row in read_split(loaded, content, split.value, names).rows]
        measured = [row | ({"single_task": compared[row["task"]]} if row["task"] in compared else {}) for row in rows]
        store_scores(Path(model), measured, measure_speed(loaded, texts))
        typer.echo(f"scores stored in {model}", err=True)


def tell_absent_tasks(model: Any, recipe: Any) -> None:
    """Say which tasks of a recipe are left out because the model does not have them."""
    known = {task.name for task in model.config.tasks}
    absent = [task.name for task in recipe.tasks if task.name not in known]
    if absent:
        typer.echo(f"left out: {', '.join(absent)}, which the recipe has and the model has not", err=True)
