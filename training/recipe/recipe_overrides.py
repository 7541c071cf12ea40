"""`--set a.b=c`: changing one value of a recipe from the command line."""

from collections.abc import Sequence
from typing import Any

from ..closest_name import suggest_name
from .recipe_error import RecipeError, show
from .recipe_yaml import parse_yaml


def apply_overrides(content: dict[str, Any], overrides: Sequence[str]) -> list[str]:
    """Write each override into the recipe's content; whether the key exists is judged by the validation that follows.

    Args:
        content: The recipe as read from its file; changed in place.
        overrides: `key.path=value`, the value in YAML; a list item is addressed by its name or its position from 0.

    Returns:
        One line a problem.
    """
    problems: list[str] = []
    for override in overrides:
        try:
            _apply(content, override)
        except RecipeError as error:
            problems.extend(f"--set {override}: {problem}" for problem in error.problems)
        except ValueError as error:
            problems.append(f"--set {override}: {error}")
    return problems


def _apply(content: dict[str, Any], override: str) -> None:
    path, equals, value = override.partition("=")
    steps = path.strip().split(".")
    if not equals or not all(steps):
        raise ValueError("is not of the form key.path=value; write for example train.learning_rate=3e-5")
    parent: Any = content
    for position, step in enumerate(steps[:-1]):
        parent = _descend(parent, step, ".".join(steps[:position]))
    last, where = steps[-1], ".".join(steps[:-1])
    if isinstance(parent, list):
        parent[_position(parent, last, where)] = parse_yaml(value, override)
    elif isinstance(parent, dict):
        parent[last] = parse_yaml(value, override)
    else:
        raise ValueError(f"'{where}' is {show(parent)}, which has no keys; set '{where}' itself")


def _descend(parent: Any, step: str, where: str) -> Any:
    if isinstance(parent, list):
        return parent[_position(parent, step, where)]
    if not isinstance(parent, dict):
        raise ValueError(f"'{where}' is {show(parent)}, which has no keys; set '{where}' itself")
    if parent.get(step) is None:
        parent[step] = {}
    return parent[step]


def _position(items: list[Any], step: str, where: str) -> int:
    names = [str(item["name"]) if isinstance(item, dict) and "name" in item else "" for item in items]
    if step in names:
        return names.index(step)
    if step.isdecimal() and int(step) < len(items):
        return int(step)
    if step.isdecimal():
        raise ValueError(f"'{where}' has {len(items)} items, counted from 0; there is no item {step}")
    raise ValueError(f"no item of '{where}' is named '{step}'; {suggest_name(step, filter(None, names))}")
