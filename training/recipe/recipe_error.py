"""The one error of a recipe, and pydantic's errors in its words."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from ..closest_name import suggest_name


class RecipeError(ValueError):
    """Everything that is wrong with a recipe.

    Args:
        recipe: The recipe file as it was given.
        problems: One line a problem: `key.path: what came; how to fix`.
    """

    def __init__(self, recipe: str, problems: Sequence[str]) -> None:
        self.recipe = recipe
        self.problems = list(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n  ".join([f"{recipe}: {count}", *self.problems]))


def describe_problems(error: ValidationError, value: Any, prefix: str, known: Sequence[str]) -> list[str]:
    """Turn a pydantic error into lines `key.path: what came; how to fix`.

    Args:
        error: What validating `value` raised.
        value: The part of the recipe that was validated.
        prefix: Key path of that part.
        known: The keys it may have, for the closest name.

    Returns:
        One line a key path: the members of a union are told apart by pydantic, not by the reader. The member that was
        meant is the one that led further.
    """
    expected: dict[str, list[str]] = {}
    came: dict[str, Any] = {}
    for problem in error.errors(include_url=False):
        path = _path_in(value, problem["loc"], problem["type"])
        key = ".".join([prefix, *path]) if prefix else ".".join(path)
        came[key] = problem["input"]
        expected.setdefault(key, []).append(_expectation(problem, path, known))
    deepest = [key for key in expected if not any(other.startswith(f"{key}.") for other in expected)]
    return [_line(key, came[key], expected[key]) + _hint(key, came[key], known) for key in deepest]


def problem_paths(error: ValidationError, value: Any) -> list[list[str]]:
    """Return the key paths in `value` that a pydantic error is about."""
    return [_path_in(value, problem["loc"], problem["type"]) for problem in error.errors(include_url=False)]


def show(value: Any) -> str:
    """Show what came, cut to one short line."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _path_in(value: Any, loc: tuple[int | str, ...], kind: str) -> list[str]:
    """Keep the steps of a pydantic location that lead somewhere: it also names the members of unions."""
    path: list[str] = []
    for position, step in enumerate(loc):
        is_last = position == len(loc) - 1
        if _leads_on(value, step):
            value = value[step]
        elif not (is_last and kind == "missing"):
            continue
        path.append(str(step))
    return path


def _leads_on(value: Any, step: int | str) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _expectation(problem: Any, path: list[str], known: Sequence[str]) -> str:
    if problem["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"unknown key; {suggest_name(path[-1] if path else '', known)}"
    if problem["type"] == "missing":
        return "missing; add it"
    if problem["type"] == "literal_error" and len(options := re.findall(r"'([^']*)'", problem["ctx"]["expected"])) > 6:
        return f"another name, {suggest_name(str(problem['input']), options)}"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    return str(problem["msg"]).removeprefix("Input should be ").removeprefix("a valid ")


def _line(key: str, came: Any, expectations: list[str]) -> str:
    reasons = list(dict.fromkeys(expectations))
    if any(reason.startswith(("unknown key", "missing")) or ";" in reason for reason in reasons):
        return f"{key}: {reasons[0]}"
    line = f"{key}: {show(came)} came; write {_with_article(' or '.join(reasons))}"
    if isinstance(came, bool | int | float) and any(reason.startswith("string") for reason in reasons):
        line += " (put it in quotes to make it text)"
    return line


def _hint(key: str, came: Any, known: Sequence[str]) -> str:
    plural = f"{key.rpartition('.')[2]}s"
    return f"; '{plural}' takes one for each part" if isinstance(came, dict) and plural in known else ""


def _with_article(noun: str) -> str:
    if noun.split()[0] in ("string", "number", "boolean", "list", "dictionary"):
        return f"a {noun}"
    return f"an {noun}" if noun.startswith("integer") else noun
