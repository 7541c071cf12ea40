"""What a task's fields must be like; every message names task and field."""

import math
import re
from typing import TYPE_CHECKING

from .task_kinds_polyhead import (
    BIO_TAG,
    HEAD_INPUTS,
    HEAD_KINDS,
    KINDS_OF_FIELD,
    LABELLED_KINDS,
    LOSSES,
    RESERVED_TASK_NAMES,
    TASK_KINDS,
)

if TYPE_CHECKING:
    from .tasks_polyhead import TaskConfig

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def check_name_and_kind(task: "TaskConfig") -> None:
    """Check what decides which other fields there are.

    Raises:
        ValueError: No plain identifier, or no such kind.
    """
    _check_name(task)
    _check_choice(task, "kind", TASK_KINDS)


def check_fields(task: "TaskConfig") -> None:
    """Check all fields, once the kind is known and `loss` is set.

    Raises:
        ValueError: A field is out of range or contradicts the kind.
    """
    _check_choice(task, "head", HEAD_KINDS)
    _check_choice(task, "head_input", HEAD_INPUTS)
    _check_choice(task, "loss", LOSSES[task.kind])
    _check_fields_of_kind(task)
    _check_numbers(task)
    _check_factors(task)
    _check_temperature(task)
    _check_confidence(task)
    if task.labels is not None:
        _check_labels(task, task.labels)
    if task.labels is not None or task.kind not in LABELLED_KINDS:
        _check_lengths(task)
    _check_head(task)


def _check_head(task: "TaskConfig") -> None:
    if task.is_token and task.head == "attention":
        _refuse(
            task, "head", "'attention' pools a whole sentence, but a token task answers per word; use 'linear' or 'mlp'"
        )
    if task.kind == "pair_similarity" and task.head != "linear":
        _refuse(task, "head", "pair_similarity is the cosine of two embeddings and has no head; leave `head` out")


def _refuse(task: "TaskConfig", field: str, reason: str) -> None:
    raise ValueError(f"task '{task.name}', field '{field}': {reason}.")


def _check_name(task: "TaskConfig") -> None:
    if not isinstance(task.name, str) or not _NAME.fullmatch(task.name):
        raise ValueError(f"task name {task.name!r} must be a plain identifier: letters, digits and _, a letter first.")
    if task.name in RESERVED_TASK_NAMES or task.name == "embeddings":
        taken = "a key of predict's answers" if task.name == "embeddings" else "an attribute of torch modules"
        raise ValueError(f"task name '{task.name}' is {taken}; choose another, such as 'my_{task.name}'.")


def _check_choice(task: "TaskConfig", field: str, allowed: tuple[str, ...]) -> None:
    value = getattr(task, field)
    if value not in allowed:
        _refuse(task, field, f"{value!r} is not one of {', '.join(allowed)}")


def _check_fields_of_kind(task: "TaskConfig") -> None:
    for field, kinds in KINDS_OF_FIELD.items():
        if getattr(task, field) and task.kind not in kinds:
            _refuse(task, field, f"{task.kind} does not read it; leave it out")


def _check_numbers(task: "TaskConfig") -> None:
    for field in ("label_smoothing", "head_dropout"):
        if not 0 <= getattr(task, field) < 1:
            _refuse(task, field, f"{getattr(task, field)} is not in [0, 1)")
    for field, zero in (("weight", "switches the task's loss off"), ("score_weight", "leaves the task out")):
        if not 0 <= getattr(task, field) < math.inf:
            _refuse(task, field, f"{getattr(task, field)} is negative or not finite; 0 {zero}")
    for field in ("head_num_layers", "head_num_attention_heads", "head_hidden_size"):
        if getattr(task, field) is not None and getattr(task, field) < 1:
            _refuse(task, field, f"{getattr(task, field)} must be at least 1")
    if task.value_range is not None and not (len(task.value_range) == 2 and task.value_range[0] < task.value_range[1]):
        _refuse(task, "value_range", f"{task.value_range} must be [lowest, highest]")
    dims = task.matryoshka_dims
    if dims is not None and (
        not dims or len(set(dims)) != len(dims) or any(not isinstance(dim, int) or dim < 1 for dim in dims)
    ):
        _refuse(task, "matryoshka_dims", f"{dims} must be different whole numbers from 1 on, such as [256, 128, 64]")


def _check_factors(task: "TaskConfig") -> None:
    for field in ("class_weights", "pos_weight"):
        if not all(0 <= factor < math.inf for factor in getattr(task, field) or []):
            _refuse(task, field, f"{getattr(task, field)} holds a negative or infinite factor; use 0 or more")
    if not all(0 <= threshold <= 1 for threshold in task.thresholds or []):
        _refuse(task, "thresholds", f"{task.thresholds} are compared with probabilities, so they lie in [0, 1]")
    if not all(0 < scale < math.inf for scale in task.target_scale or []):
        _refuse(task, "target_scale", f"{task.target_scale} must be positive")


def _check_temperature(task: "TaskConfig") -> None:
    if not 0 < task.temperature < math.inf:
        _refuse(task, "temperature", f"{task.temperature} must be above 0 and finite; 1 changes nothing")
    if task.temperature != 1 and task.kind in ("regression", "pair_similarity"):
        _refuse(task, "temperature", f"{task.kind} answers with numbers, not probabilities; leave it out")


def _check_confidence(task: "TaskConfig") -> None:
    if not 0 <= (task.min_confidence or 0) <= 1:
        _refuse(task, "min_confidence", f"{task.min_confidence} is compared with probabilities, so it lies in [0, 1]")
    if not 0 <= (task.max_out_of_scope or 0) < math.inf:
        _refuse(
            task,
            "max_out_of_scope",
            f"{task.max_out_of_scope} is compared with distances, so it is finite and not negative",
        )


def _check_labels(task: "TaskConfig", labels: list[str]) -> None:
    if not isinstance(labels, list):
        _refuse(task, "labels", f"{labels!r} must be a list of names")
    if any(not isinstance(label, str) for label in labels):
        _refuse(task, "labels", f"{labels} must be strings: quote numbers and yes/no in YAML")
    if any(not label.strip() for label in labels):
        _refuse(task, "labels", f"{labels} hold an empty name; give every label a name")
    if len(set(labels)) != len(labels):
        _refuse(task, "labels", f"{sorted({label for label in labels if labels.count(label) > 1})} stand twice")
    fewest = 1 if task.kind in ("regression", "multi_label_classification", "token_classification") else 2
    if len(labels) < fewest:
        _refuse(task, "labels", f"{labels} are too few: at least {fewest} needed")
    if task.kind == "binary_classification" and len(labels) != 2:
        _refuse(task, "labels", f"{labels} must be two: [negative, positive]")
    if task.is_token and not ("O" in labels and all(map(BIO_TAG.fullmatch, labels))):
        _refuse(task, "labels", f"{labels} must be BIO tags: 'O', and 'B-name' and 'I-name' for each kind of entity")
    if task.kind == "pair_similarity":
        _refuse(task, "labels", "pair_similarity answers with a number and has no labels")


def _check_lengths(task: "TaskConfig") -> None:
    for field, length in _expected_lengths(task).items():
        values = getattr(task, field)
        one_for_all = field in ("pos_weight", "thresholds") and values is not None and len(values) == 1
        if values is not None and len(values) != length and not one_for_all:
            _refuse(task, field, f"{len(values)} numbers given, {length} needed for labels {task.labels}")


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
