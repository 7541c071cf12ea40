"""Calibrating a saved model on labelled rows, and keeping what was found in it."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..configuration.tasks_polyhead import TaskConfig
from ..modeling.golden_polyhead import GOLDEN, write_golden
from ..modeling.modeling_polyhead import PolyheadModel
from ..modeling.scope_polyhead import SCOPE, Scope, write_scopes
from ..training.data.examples import MultiTaskDataset
from .abstention import Target, why_not
from .calibration import Calibration, calibrate_task
from .labelled_answers import Labelled, gives_labels, labelled_answers
from .stored_scores import CONFIG, replaced_scores, update_config

FEWEST_TRAINING_ROWS = 30
MOST_TRAINING_ROWS = 10_000  # that are kept of a data set, at equal distances: 8 MB for embeddings of 384 numbers


def calibrate_model(
    model: PolyheadModel,
    dataset: MultiTaskDataset,
    tasks: Sequence[str] | None = None,
    target: Target | None = None,
    train: MultiTaskDataset | None = None,
) -> list[Calibration]:
    """Fit temperatures and thresholds on labelled rows; the model itself takes them.

    Args:
        model: Its config's tasks change, no weight does.
        dataset: Rows that it was not trained on.
        tasks: Names; None: every task with labels in the data that answers with labels.
        target: How many answers are to be given or right, of the tasks that can withhold some; None: none is withheld.
        train: Rows that it was trained on, for what is out of scope; None, or none with a label of a task: that is not
            told.

    Raises:
        ValueError: A task that was named answers with numbers, has no label in the data, or one has too few; with a
            target, also one that cannot withhold answers, or cannot reach it.
    """
    found = labelled_answers(model, dataset)
    chosen = _chosen(model, found, tasks)
    able = [task for task in chosen if not why_not(task)]
    if target is not None and not able:
        raise ValueError(f"none of {[task.name for task in chosen]} can abstain: {why_not(chosen[0])}.")
    asked = [] if target is None else able if tasks is None else chosen  # a task that was named must
    scopes = {} if train is None else _scopes(model, train, asked)
    fitted = [
        _calibrate(task, found[task.name], target if task in asked else None, scopes.get(task.name)) for task in chosen
    ]
    by_name = {calibration.task.name: calibration.task for calibration in fitted}
    model.config.tasks = [by_name.get(task.name, task) for task in model.config.tasks]
    model.scopes |= scopes
    return fitted


def store_calibration(
    folder: Path, model: PolyheadModel, calibrations: Sequence[Calibration], dataset: str, split: str
) -> None:
    """Keep temperatures and thresholds in a saved model, with the golden file and the card that they change.

    Stored scores of a task whose thresholds changed are dropped: they were measured with the old ones.

    Args:
        folder: Of the model.
        model: As `calibrate_model` left it.
        calibrations: What that returned.
        dataset: Names of the data sets that were measured on, for the card.
        split: The split.
    """
    fields = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["polyhead"]
    old = {task["name"]: task.get("thresholds") for task in fields["tasks"]}
    moved = {item.task.name for item in calibrations if item.task.thresholds != old[item.task.name]}
    kept = [row for row in fields.get("results") or [] if row["task"] not in moved]
    results = replaced_scores(kept, [row for item in calibrations for row in _rows(item, dataset, split)])
    if (folder / GOLDEN).is_file():
        write_golden(folder, model)
    write_scopes(folder, model.told_scopes)
    own_fields = {"tasks": [task.to_dict() for task in model.config.tasks], "results": results}
    update_config(folder, own_fields, [GOLDEN, SCOPE])


def _rows(calibration: Calibration, dataset: str, split: str) -> list[dict[str, Any]]:
    measured = {"ece": calibration.ece_after, "brier": calibration.brier_after}
    shared = {"task": calibration.task.name, "dataset": dataset, "split": split}
    return [{**shared, "metric": metric, "value": value} for metric, value in measured.items()]


def _chosen(model: PolyheadModel, found: Mapping[str, Labelled], tasks: Sequence[str] | None) -> list[TaskConfig]:
    for name in tasks or []:
        task = model.config.task(name)
        if not gives_labels(task):
            raise ValueError(f"task '{name}' answers with numbers, which have no probability; leave it out of --tasks.")
        if name not in found:
            raise ValueError(f"task '{name}' has no label in this split; choose another with --split.")
    chosen = [task for task in model.config.tasks if task.name in found and (tasks is None or task.name in tasks)]
    if not chosen:
        raise ValueError("no task that answers with labels has one in this split; choose another with --split.")
    return chosen


def _scopes(model: PolyheadModel, train: MultiTaskDataset, tasks: Sequence[TaskConfig]) -> dict[str, Scope]:
    names = [task.name for task in tasks if task.kind == "single_label_classification"]
    found = labelled_answers(model, train, names, MOST_TRAINING_ROWS)
    for name, rows in found.items():
        if len(rows.labels) < FEWEST_TRAINING_ROWS:
            raise ValueError(
                f"task '{name}' has {len(rows.labels)} training rows in this recipe; what is out of scope is told from "
                f"{FEWEST_TRAINING_ROWS} on."
            )
    return {name: Scope.of(rows.embeddings) for name, rows in found.items()}


def _calibrate(task: TaskConfig, rows: Labelled, target: Target | None, scope: Scope | None) -> Calibration:
    strange = None if scope is None else partial(scope.score, rows.embeddings)
    return calibrate_task(task, rows.logits, rows.labels, target, strange)
