"""Whether a task's fields hold what their annotations say, which a dataclass does not ask."""

import dataclasses
import types
from typing import TYPE_CHECKING, Any, get_args, get_origin

from .label_checks_polyhead import refuse_field

if TYPE_CHECKING:
    from .tasks_polyhead import TaskConfig

_CHECKED_ELSEWHERE = ("name", "kind", "labels")  # with messages that say more
_WORDS = {str: "text", int: "whole number", float: "number"}


def check_field_types(task: "TaskConfig") -> None:
    """Check the type of every field, before anything compares or iterates its value.

    Raises:
        ValueError: A text where a number is needed, one number where a list is, or the like.
    """
    for field in dataclasses.fields(task):
        value = getattr(task, field.name)
        if field.name not in _CHECKED_ELSEWHERE and not _fits(value, field.type):
            refuse_field(task, field.name, f"{value!r} must be {_in_words(field.type)}")


def _fits(value: Any, annotation: Any) -> bool:
    inner = get_args(annotation)
    if isinstance(annotation, types.UnionType):
        return any(_fits(value, choice) for choice in inner)
    if get_origin(annotation) is list:
        return isinstance(value, list) and all(_fits(item, inner[0]) for item in value)
    if get_origin(annotation) is dict:
        return isinstance(value, dict) and all(_fits(key, inner[0]) and _fits(value[key], inner[1]) for key in value)
    if isinstance(value, bool):  # a bool is an int to Python, but no number to a reader
        return annotation is bool
    return isinstance(value, int | float if annotation is float else annotation)


def _in_words(annotation: Any) -> str:
    inner = get_args(annotation)
    if isinstance(annotation, types.UnionType):
        return ", or ".join(_in_words(choice) for choice in inner)
    if get_origin(annotation) is list:
        return f"a list of {_WORDS[inner[0]]}s"
    if get_origin(annotation) is dict:
        return f"a mapping of {_WORDS[inner[0]]}s to {_WORDS[inner[1]]}s"
    if annotation is bool:
        return "True or False"
    return f"a {_WORDS[annotation]}" if annotation in _WORDS else "left out"
