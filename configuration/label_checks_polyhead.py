"""What a task's labels, and its numbers for each of them, must be like; every message names task and field."""

import math
from typing import TYPE_CHECKING

from .task_kinds_polyhead import BIO_TAG, LABELLED_KINDS

if TYPE_CHECKING:
    from .tasks_polyhead import TaskConfig


def check_labels(task: "TaskConfig") -> None:
    """Check the labels, where they are known already, and what is given for each.

    Raises:
        ValueError: They do not fit the kind, or each other.
    """
    _check_factors(task)
    if task.labels is not None:
        _check_names(task, task.labels)
    if task.labels is not None or task.kind not in LABELLED_KINDS:
        _check_numbers_per_label(task)


def refuse_field(task: "TaskConfig", field: str, reason: str) -> None:
    """Raise the ValueError that all checks of a task's fields raise."""
    raise ValueError(f"task '{task.name}', field '{field}': {reason}.")


def _check_factors(task: "TaskConfig") -> None:
    for field in ("class_weights", "pos_weight"):
        given = getattr(task, field) or []
        factors = given.values() if isinstance(given, dict) else given
        if not all(0 <= factor < math.inf for factor in factors):
            refuse_field(task, field, f"{given} holds a negative or infinite factor; use numbers of 0 or more")
    if not all(0 <= threshold <= 1 for threshold in task.thresholds or []):
        refuse_field(task, "thresholds", f"{task.thresholds} are compared with probabilities, so they lie in [0, 1]")
    if not all(0 < scale < math.inf for scale in task.target_scale or []):
        refuse_field(task, "target_scale", f"{task.target_scale} must be positive")


def _check_names(task: "TaskConfig", labels: list[str]) -> None:
    if not isinstance(labels, list):
        refuse_field(task, "labels", f"{labels!r} must be a list of names")
    if any(not isinstance(label, str) for label in labels):
        refuse_field(task, "labels", f"{labels} must be strings: quote numbers and yes/no in YAML")
    if any(not label.strip() for label in labels):
        refuse_field(task, "labels", f"{labels} hold an empty name; give every label a name")
    if len(set(labels)) != len(labels):
        refuse_field(task, "labels", f"{sorted({label for label in labels if labels.count(label) > 1})} stand twice")
    fewest = 1 if task.kind in ("regression", "multi_label_classification", "token_classification") else 2
    if len(labels) < fewest:
        refuse_field(task, "labels", f"{labels} are too few: at least {fewest} needed")
    if task.kind == "binary_classification" and len(labels) != 2:
        refuse_field(task, "labels", f"{labels} must be two: [negative, positive]")
    if task.is_token and not ("O" in labels and all(map(BIO_TAG.fullmatch, labels))):
        refuse_field(
            task, "labels", f"{labels} must be BIO tags: 'O', and 'B-name' and 'I-name' for each kind of entity"
        )
    if task.kind == "pair_similarity":
        refuse_field(task, "labels", "pair_similarity answers with a number and has no labels")


def _check_numbers_per_label(task: "TaskConfig") -> None:
    for field, length in _expected_lengths(task).items():
        values = getattr(task, field)
        if isinstance(values, dict):
            _check_factors_by_label(task, field, values)
            continue
        one_for_all = field in ("pos_weight", "thresholds") and values is not None and len(values) == 1
        if values is not None and len(values) != length and not one_for_all:
            refuse_field(task, field, f"{len(values)} numbers given, {length} needed for labels {task.labels}")


def _check_factors_by_label(task: "TaskConfig", field: str, factors: dict[str, float]) -> None:
    if task.kind == "binary_classification":
        refuse_field(task, field, "a binary task has one positive class, so it takes one number in a list")
    unknown = [name for name in factors if name not in task.known_labels]
    if unknown:
        refuse_field(task, field, f"{unknown} are no labels of the task; there are {task.labels}")


def _expected_lengths(task: "TaskConfig") -> dict[str, int]:
    per_label = task.num_labels
    decisions = 1 if task.kind == "binary_classification" else per_label
    return {
        "class_weights": per_label,
        "pos_weight": decisions,
        "thresholds": decisions,
        "target_mean": per_label,
        "target_scale": per_label,
    }
