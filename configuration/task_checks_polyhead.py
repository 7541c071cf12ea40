"""What a task's fields must be like; every message names task and field."""

import math
import re
from typing import TYPE_CHECKING

from .label_checks_polyhead import check_labels, refuse_field
from .task_kinds_polyhead import (
    HEAD_INPUTS,
    HEAD_KINDS,
    KINDS_OF_FIELD,
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
    _check_temperature(task)
    _check_confidence(task)
    check_labels(task)
    _check_head(task)


def _check_head(task: "TaskConfig") -> None:
    if task.is_token and task.head == "attention":
        refuse_field(
            task, "head", "'attention' pools a whole sentence, but a token task answers per word; use 'linear' or 'mlp'"
        )
    if task.kind == "pair_similarity" and task.head != "linear":
        refuse_field(task, "head", "pair_similarity is the cosine of two embeddings and has no head; leave `head` out")


def _check_name(task: "TaskConfig") -> None:
    if not isinstance(task.name, str) or not _NAME.fullmatch(task.name):
        raise ValueError(f"task name {task.name!r} must be a plain identifier: letters, digits and _, a letter first.")
    if task.name in RESERVED_TASK_NAMES or task.name == "embeddings":
        taken = "a key of predict's answers" if task.name == "embeddings" else "an attribute of torch modules"
        raise ValueError(f"task name '{task.name}' is {taken}; choose another, such as 'my_{task.name}'.")


def _check_choice(task: "TaskConfig", field: str, allowed: tuple[str, ...]) -> None:
    value = getattr(task, field)
    if value not in allowed:
        refuse_field(task, field, f"{value!r} is not one of {', '.join(allowed)}")


def _check_fields_of_kind(task: "TaskConfig") -> None:
    for field, kinds in KINDS_OF_FIELD.items():
        if getattr(task, field) and task.kind not in kinds:
            refuse_field(task, field, f"{task.kind} does not read it; leave it out")


def _check_numbers(task: "TaskConfig") -> None:
    for field in ("label_smoothing", "head_dropout"):
        if not 0 <= getattr(task, field) < 1:
            refuse_field(task, field, f"{getattr(task, field)} is not in [0, 1)")
    for field, zero in (("weight", "switches the task's loss off"), ("score_weight", "leaves the task out")):
        if not 0 <= getattr(task, field) < math.inf:
            refuse_field(task, field, f"{getattr(task, field)} is negative or not finite; 0 {zero}")
    for field in ("head_num_layers", "head_num_attention_heads", "head_hidden_size"):
        if getattr(task, field) is not None and getattr(task, field) < 1:
            refuse_field(task, field, f"{getattr(task, field)} must be at least 1")
    if task.value_range is not None and not (len(task.value_range) == 2 and task.value_range[0] < task.value_range[1]):
        refuse_field(task, "value_range", f"{task.value_range} must be [lowest, highest]")
    dims = task.matryoshka_dims
    if dims is not None and (not dims or len(set(dims)) != len(dims) or min(dims) < 1):
        refuse_field(
            task, "matryoshka_dims", f"{dims} must be different whole numbers from 1 on, such as [256, 128, 64]"
        )


def _check_temperature(task: "TaskConfig") -> None:
    if not 0 < task.temperature < math.inf:
        refuse_field(task, "temperature", f"{task.temperature} must be above 0 and finite; 1 changes nothing")
    if task.temperature != 1 and task.kind in ("regression", "pair_similarity"):
        refuse_field(task, "temperature", f"{task.kind} answers with numbers, not probabilities; leave it out")


def _check_confidence(task: "TaskConfig") -> None:
    if not 0 <= (task.min_confidence or 0) <= 1:
        refuse_field(
            task, "min_confidence", f"{task.min_confidence} is compared with probabilities, so it lies in [0, 1]"
        )
    if not 0 <= (task.max_out_of_scope or 0) < math.inf:
        refuse_field(
            task,
            "max_out_of_scope",
            f"{task.max_out_of_scope} is compared with distances, so it is finite and not negative",
        )
