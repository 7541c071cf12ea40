"""Whether rows are right in all their tasks at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...configuration.tasks_polyhead import TaskConfig
from .metrics import decide


def right_rows(task: TaskConfig, predictions: Sequence[Any], references: Sequence[Any]) -> list[bool] | None:
    """Say of each row whether the task's whole answer is right; None for tasks that answer with numbers.

    Args:
        task: The task.
        predictions: As in `compute_task_metrics`.
        references: Of the same rows.
    """
    if task.kind in ("regression", "pair_similarity"):
        return None
    if task.is_token:
        return [list(predicted) == list(true) for predicted, true in zip(predictions, references, strict=True)]
    decided = decide(task, np.asarray(predictions, dtype=float).reshape(len(references), -1))
    return [np.array_equal(answer, true) for answer, true in zip(decided, references, strict=True)]


def joint_accuracies(right: Mapping[str, Mapping[int, bool]]) -> dict[str, float]:
    """Measure, by task, how many of the rows that it shares with other tasks are right in all of them.

    Args:
        right: By task and row, whether the answer is right; tasks that answer with labels only.

    Returns:
        A share in [0, 1] for each task that has a row in common with another. With an intent and slots this is the
        accuracy of whole sentences.

    Example:
        >>> joint_accuracies({"intent": {0: True, 1: True, 2: False}, "slots": {0: True, 1: False}, "topic": {7: True}})
        {'intent': 0.5, 'slots': 0.5}
    """
    by_row: dict[int, list[bool]] = {}
    for rows in right.values():
        for row, is_right in rows.items():
            by_row.setdefault(row, []).append(is_right)
    shared = {row: all(answers) for row, answers in by_row.items() if len(answers) > 1}
    shares = {name: [shared[row] for row in rows if row in shared] for name, rows in right.items()}
    return {name: sum(values) / len(values) for name, values in shares.items() if values}
