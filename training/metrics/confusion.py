"""Which label was taken for which: counts for the tasks that answer with one label a row or a word."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...configuration.tasks_polyhead import TaskConfig
from .metrics import decide

_ONE_LABEL = ("single_label_classification", "binary_classification", "ordinal_regression", "pair_classification")


@dataclass(frozen=True)
class Confusion:
    """Counts of true and predicted labels.

    Args:
        labels: Names, in the order of both axes.
        counts: Shape (true labels, predicted labels).
    """

    labels: list[str]
    counts: np.ndarray


def count_confusion(task: TaskConfig, predictions: Sequence[Any], references: Sequence[Any]) -> Confusion | None:
    """Count true against predicted labels; token tasks by word and entity type, `B-` and `I-` as one.

    Args:
        task: The task.
        predictions: As in `compute_task_metrics`.
        references: Of the same rows.

    Returns:
        None for tasks that answer with numbers or with any number of labels.
    """
    if task.is_token:
        labels = list(dict.fromkeys(_entity_type(tag) for tag in task.known_labels))
        ids = {label: number for number, label in enumerate(labels)}
        true = [ids[_entity_type(tag)] for tags in references for tag in tags]
        predicted = [ids[_entity_type(tag)] for tags in predictions for tag in tags]
    elif task.kind in _ONE_LABEL:
        labels = task.known_labels
        true = [int(label) for label in references]
        predicted = [int(label) for label in decide(task, np.asarray(predictions, dtype=float).reshape(len(true), -1))]
    else:
        return None
    counts = np.zeros((len(labels), len(labels)), dtype=int)
    np.add.at(counts, (true, predicted), 1)
    return Confusion(labels, counts)


def _entity_type(tag: str) -> str:
    return tag if tag == "O" else tag.partition("-")[2]
