"""Validating the sections of a recipe one by one; each function adds what is wrong to `problems` and goes on."""

import dataclasses
import re
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ...configuration.tasks_polyhead import TaskConfig
from ..closest_name import suggest_name
from .dataclass_fields import fields_model
from .recipe_error import describe_problems, problem_paths, show

_Model = TypeVar("_Model", bound=BaseModel)


def validate_section(
    section: type[_Model], value: Any, key: str, problems: list[str], context: dict[str, Any] | None = None
) -> _Model | None:
    """Validate one section, or one item of a list.

    Args:
        section: The pydantic model of it.
        value: What the recipe says.
        key: Key path of it, for the messages.
        problems: What is wrong is added here.
        context: Handed to the model.

    Returns:
        The section; where something is wrong, the section without it, so that other checks can go on; None where it
        does not hold without it.
    """
    try:
        return section.model_validate(value, context=context)
    except ValidationError as error:
        problems += describe_problems(error, value, key, list(section.model_fields))
        sound = _without(value, problem_paths(error, value))
    try:
        return section.model_validate(sound, context=context)
    except ValidationError:
        return None


def validate_task(raw: Any, key: str, problems: list[str]) -> TaskConfig | None:
    """Validate one task against the fields of TaskConfig, then let TaskConfig judge their values.

    Returns:
        The task; where something is wrong, the task without it; None where it does not hold without it.
    """
    section = validate_section(fields_model(TaskConfig), raw, key, problems)
    fields = section.model_dump(exclude_unset=True) if section else {}
    while fields:
        try:
            return TaskConfig(**fields)
        except ValueError as error:
            # TaskConfig stops at the first field it refuses: leave that one out and ask again, to report them all.
            named = re.match(r"task '.*?', field '(\w+)': (.*)", str(error), re.DOTALL)
            problems.append(f"{key}.{named[1]}: {named[2]}" if named else f"{key}: {error}")
            if not named or named[1] == "kind" or fields.pop(named[1], None) is None:
                return None
    return None


def validate_from_scratch(fields: dict[str, Any], problems: list[str]) -> None:
    """Check `model.from_scratch` against the config class of its architecture, which itself accepts any misspelling."""
    from transformers import CONFIG_MAPPING

    key, model_type = "model.from_scratch", fields.get("model_type")
    if not isinstance(model_type, str):
        problems.append(f"{key}.model_type: {show(model_type)} came; name the architecture, for example bert")
    elif model_type not in CONFIG_MAPPING:
        hint = suggest_name(model_type, CONFIG_MAPPING)
        problems.append(f"{key}.model_type: '{model_type}' is unknown to transformers; {hint}")
    else:
        config_class: Any = CONFIG_MAPPING[model_type]
        is_described = dataclasses.is_dataclass(config_class)  # a config from elsewhere may not be
        aliases = {"model_type", *config_class.attribute_map}
        own = {name: value for name, value in fields.items() if name not in aliases}
        if is_described:
            validate_section(fields_model(config_class), own, key, problems)


def _without(value: Any, paths: Iterable[list[str]]) -> Any:
    """Copy nested mappings without the keys at `paths`; of a list nothing is taken out, the whole list goes."""
    if not isinstance(value, dict):
        return value
    below: dict[str, list[list[str]]] = {}
    for path in filter(None, paths):
        below.setdefault(path[0], []).append(path[1:])
    kept = {}
    for key, item in value.items():
        rest = below.get(str(key))
        if rest is None:
            kept[key] = item
        elif isinstance(item, dict) and all(rest):
            kept[key] = _without(item, rest)
    return kept
