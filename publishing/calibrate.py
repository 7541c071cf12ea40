"""Calibrating a saved model on labelled rows, and keeping what was found in it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..configuration.tasks_polyhead import TaskConfig
from ..modeling.encoding_polyhead import as_array
from ..modeling.golden_polyhead import GOLDEN, write_golden
from ..modeling.losses_polyhead import IGNORED
from ..modeling.modeling_polyhead import PolyheadModel
from ..training.data.collation import stack_labels
from ..training.data.examples import MultiTaskDataset
from .abstention import Target, why_not
from .calibration import Calibration, calibrate_task
from .stored_scores import CONFIG, replaced_scores, update_config

Labelled = tuple[np.ndarray, np.ndarray]


def calibrate_model(
    model: PolyheadModel,
    dataset: MultiTaskDataset,
    tasks: Sequence[str] | None = None,
    target: Target | None = None,
) -> list[Calibration]:
    """Fit temperatures and thresholds on labelled rows; the model itself takes them.

    Args:
        model: Its config's tasks change, no weight does.
        dataset: Rows that it was not trained on.
        tasks: Names; None: every task with labels in the data that answers with labels.
        target: How many answers are to be given or right, of the tasks that can withhold some; None: none is withheld.

    Raises:
        ValueError: A task that was named answers with numbers, has no label in the data, or one has too few; with a
            target, also one that cannot withhold answers, or cannot reach it.
    """
    found = labelled_logits(model, dataset)
    for name in tasks or []:
        task = model.config.task(name)
        if not gives_labels(task):
            raise ValueError(f"task '{name}' answers with numbers, which have no probability; leave it out of --tasks.")
        if name not in found:
            raise ValueError(f"task '{name}' has no label in this split; choose another with --split.")
    chosen = [task for task in model.config.tasks if task.name in found and (tasks is None or task.name in tasks)]
    if not chosen:
        raise ValueError("no task that answers with labels has one in this split; choose another with --split.")
    able = [task.name for task in chosen if not why_not(task)]
    if target is not None and not able:
        raise ValueError(f"none of {[task.name for task in chosen]} can abstain: {why_not(chosen[0])}.")
    asked = able if tasks is None else tasks  # one that was named must
    fitted = [calibrate_task(task, *found[task.name], target if task.name in asked else None) for task in chosen]
    by_name = {calibration.task.name: calibration.task for calibration in fitted}
    model.config.tasks = [by_name.get(task.name, task) for task in model.config.tasks]
    return fitted


def gives_labels(task: TaskConfig) -> bool:
    """Whether a task answers with labels, which have probabilities."""
    return task.kind not in ("regression", "pair_similarity")


def labelled_logits(model: PolyheadModel, dataset: MultiTaskDataset) -> dict[str, Labelled]:
    """Return logits (items, num_logits) and labels of every task that answers with labels, as `calibrate_task` reads them.

    Args:
        model: In any mode; it answers without dropout.
        dataset: Labelled rows.
    """
    parts: dict[str, list[Labelled]] = {}
    for source, positions in dataset.ranges.items():
        here = [task for task in dataset.labelled_tasks(source) if gives_labels(task)]
        if not here:
            continue
        examples = [dataset.examples[position] for position in positions]
        second = [example.second for example in examples if example.second is not None] or None
        names = [task.name for task in here]
        for rows, output in model.run_tokenized([example.first for example in examples], second, names):
            for task in here:
                labelled = [number for number, row in enumerate(rows) if task.name in examples[row].labels]
                if labelled:
                    logits = as_array(output.logits[task.name][labelled])
                    labels = _labels(task, [examples[rows[number]] for number in labelled], logits)
                    parts.setdefault(task.name, []).append(_items(task, logits, labels))
    return {
        name: (np.concatenate([p[0] for p in found]), np.concatenate([p[1] for p in found]))
        for name, found in parts.items()
    }


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
    update_config(folder, {"tasks": [task.to_dict() for task in model.config.tasks], "results": results}, [GOLDEN])


def _rows(calibration: Calibration, dataset: str, split: str) -> list[dict[str, Any]]:
    measured = {"ece": calibration.ece_after, "brier": calibration.brier_after}
    shared = {"task": calibration.task.name, "dataset": dataset, "split": split}
    return [{**shared, "metric": metric, "value": value} for metric, value in measured.items()]


def _labels(task: TaskConfig, examples: list[Any], logits: np.ndarray) -> np.ndarray:
    return stack_labels(task, examples, logits.shape[1] if task.is_token else 0).numpy()


def _items(task: TaskConfig, logits: np.ndarray, labels: np.ndarray) -> Labelled:
    if task.is_token:
        counted = labels != IGNORED  # (rows, seq)
        return logits[counted], labels[counted]
    if task.kind == "multi_label_classification":
        return logits, labels
    return logits.reshape(len(labels), -1), labels.astype(int)
