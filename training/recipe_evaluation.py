"""Measuring a saved model on the data of a recipe."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..modeling.modeling_polyhead import PolyheadModel
from .data.examples import MultiTaskDataset
from .data.rows import read_rows
from .data.tables import has_split
from .data.unlabelled import refuse_unlabelled
from .evaluation import Scores, evaluate_model
from .metrics.multi_task_score import primary_metric
from .recipe.recipe import Recipe, load_recipe


def evaluate_recipe(
    checkpoint: str | Path | PolyheadModel,
    path: str | Path,
    split: str,
    overrides: Sequence[str] = (),
    tasks: list[str] | None = None,
) -> tuple[PolyheadModel, Scores]:
    """Measure a saved model on one split of a recipe's data; labels are mapped by name to the model's own.

    Args:
        checkpoint: Folder or Hub name, or a model that is loaded already.
        path: The recipe.
        split: `train`, `validation` or `test`.
        overrides: As in `load_recipe`.
        tasks: Names of the tasks to measure; None: all that have labels.

    Raises:
        ValueError: The model lacks a task that was named, or no data set has the split.
    """
    model = checkpoint if isinstance(checkpoint, PolyheadModel) else PolyheadModel.from_pretrained(checkpoint)
    for name in tasks or []:
        model.config.task(name)
    return model, evaluate_model(model, read_split(model, load_recipe(path, overrides), split, tasks), tasks)


def read_split(
    model: PolyheadModel, recipe: Recipe, split: str, tasks: Sequence[str] | None = None
) -> MultiTaskDataset:
    """Read one split of a recipe's data for a model, labels mapped by name to the model's own.

    Args:
        model: Whose tasks are read.
        recipe: Where the data lie.
        split: `train`, `validation` or `test`.
        tasks: Names of tasks that must have labels; None: any may.

    Raises:
        ValueError: No data set has the split, a row cannot be used, or a task that was named has no label.
    """
    rows = {
        source.name: read_rows(source, split, model.config.tasks) for source in recipe.data if has_split(source, split)
    }
    if not rows:
        raise ValueError(f"no data set of {recipe.path} has a '{split}' split; name another with --split.")
    wanted = tasks or [
        task.name for task in model.config.tasks if any(task.name in source.labels for source in recipe.data)
    ]
    refuse_unlabelled(wanted, recipe.data, rows, must_have_all=bool(tasks))
    return MultiTaskDataset(rows, model.config.tasks, model.tokenizer, model.max_length)


def result_rows(model: PolyheadModel, recipe: Recipe, scores: Scores, split: str) -> list[dict[str, Any]]:
    """Turn scores into the rows that config and card keep: each task's main metric."""
    rows = []
    for name, values in scores.items():
        metric = primary_metric(model.config.task(name))
        datasets = ", ".join(
            source.name for source in recipe.data if name in source.labels and has_split(source, split)
        )
        rows.append({"task": name, "dataset": datasets, "split": split, "metric": metric, "value": values[metric]})
    return rows


def single_task_scores(
    models: Sequence[PolyheadModel],
    rows: Sequence[dict[str, Any]],
    path: str | Path,
    split: str,
    overrides: Sequence[str] = (),
) -> dict[str, float]:
    """Measure models of one task each on the rows on which a model of many was measured.

    Args:
        models: Each with one task.
        rows: As `result_rows` gives them, of the model of many tasks.
        path: The recipe.
        split: The split.
        overrides: As in `load_recipe`.

    Returns:
        By task: the metric that its row names.

    Raises:
        ValueError: A model has several tasks, or one that was not measured.
    """
    metrics = {row["task"]: row["metric"] for row in rows}
    found = {}
    for model in models:
        names = [task.name for task in model.config.tasks]
        if len(names) != 1 or names[0] not in metrics:
            raise ValueError(
                f"'{model.name_or_path}' has tasks {names}; to compare with, name models that have one task, "
                f"and one of {sorted(metrics)}."
            )
        _, scores = evaluate_recipe(model, path, split, overrides, names)
        found[names[0]] = scores[names[0]][metrics[names[0]]]
    return found
