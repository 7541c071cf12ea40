"""A recipe: the YAML file that says what to train, on which data, and how."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..configuration.tasks_polyhead import TaskConfig
from .closest_name import suggest_name
from .dataclass_fields import fields_model
from .recipe_checks import check_coverage, check_duplicates, check_fit, check_paths
from .recipe_error import RecipeError, describe_problems, show
from .recipe_overrides import apply_overrides
from .recipe_sections import DataSource, ModelSection
from .recipe_yaml import read_recipe_file

SECTIONS = ("model", "tasks", "data", "train")
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Recipe:
    """A recipe that has been checked as a whole.

    Args:
        path: The recipe file.
        model: What is trained.
        tasks: The tasks in order; labels may still be None, to be read from the training data.
        data: The data sets.
        train: Fields of the training arguments, by name.
        content: The recipe with its overrides as plain data, for the record.
    """

    path: Path
    model: ModelSection
    tasks: list[TaskConfig]
    data: list[DataSource]
    train: dict[str, Any]
    content: dict[str, Any]


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read, override and validate a recipe. Precedence: defaults < recipe < overrides.

    Args:
        path: The YAML file.
        overrides: `key.path=value`; list items by name or position: `tasks.topic.weight=2`, `data.0.max_rows=100`.

    Raises:
        RecipeError: Lists every problem with its key path.
    """
    content = read_recipe_file(path)
    problems = apply_overrides(content, overrides)
    problems += [
        f"{key}: unknown section; {suggest_name(str(key), SECTIONS)}" for key in content if key not in SECTIONS
    ]
    problems += [f"{key}: missing section; add it" for key in SECTIONS[:3] if content.get(key) is None]
    context = {"folder": Path(path).resolve().parent}
    model = None
    if content.get("model") is not None:
        model = _validate(ModelSection, content["model"], "model", problems, context)
    if model is not None and model.from_scratch is not None:
        problems += _backbone_problems(model.from_scratch)
    raw_tasks, raw_data = _items(content, "tasks", problems), _items(content, "data", problems)
    tasks = [
        task for index, raw in enumerate(raw_tasks) if (task := _task(raw, _item_key("tasks", index, raw), problems))
    ]
    sources = (
        _validate(DataSource, raw, _item_key("data", index, raw), problems, context)
        for index, raw in enumerate(raw_data)
    )
    data = [source for source in sources if source]
    problems += _train_problems(content.get("train") or {})
    problems += _fit_problems(raw_tasks, tasks, raw_data, data)
    problems += check_paths(data, model)
    if problems or model is None:
        raise RecipeError(str(path), problems)
    return Recipe(Path(path), model, tasks, data, dict(content.get("train") or {}), content)


def training_arguments_class() -> type:
    """Return the dataclass whose fields `train` may set; imported late, because it imports torch."""
    try:
        from .arguments import PolyheadTrainingArguments
    except ImportError:
        from transformers import TrainingArguments as PolyheadTrainingArguments

    return PolyheadTrainingArguments


def _items(content: dict[str, Any], section: str, problems: list[str]) -> list[Any]:
    items = content.get(section)
    if items is None:
        return []
    if not isinstance(items, list) or not items:
        problems.append(f"{section}: {show(items)} came; write a list, each item begun with `- name: ...`")
        return []
    return items


def _name(raw: Any) -> str | None:
    return raw["name"] if isinstance(raw, dict) and isinstance(raw.get("name"), str) else None


def _item_key(section: str, index: int, raw: Any) -> str:
    return f"{section}.{_name(raw) or index}"


def _validate(
    section: type[_Model], value: Any, key: str, problems: list[str], context: dict[str, Any] | None = None
) -> _Model | None:
    try:
        return section.model_validate(value, context=context)
    except ValidationError as error:
        problems += describe_problems(error, value, key, list(section.model_fields))
        return None


def _task(raw: Any, key: str, problems: list[str]) -> TaskConfig | None:
    if _validate(fields_model(TaskConfig), raw, key, problems) is None:
        return None
    fields = dict(raw)
    is_whole = True
    while True:
        try:
            task = TaskConfig(**fields)
            return task if is_whole else None
        except ValueError as error:
            is_whole = False
            # TaskConfig stops at the first field it refuses: leave that one out and ask again, to report them all.
            named = re.match(r"task '.*?', field '(\w+)': (.*)", str(error), re.DOTALL)
            problems.append(f"{key}.{named[1]}: {named[2]}" if named else f"{key}: {error}")
            if not named or named[1] == "kind" or fields.pop(named[1], None) is None:
                return None


def _backbone_problems(fields: dict[str, Any]) -> list[str]:
    from transformers import CONFIG_MAPPING

    key, model_type = "model.from_scratch", fields.get("model_type")
    if not isinstance(model_type, str):
        return [f"{key}.model_type: {show(model_type)} came; name the architecture, for example bert"]
    if model_type not in CONFIG_MAPPING:
        return [
            f"{key}.model_type: '{model_type}' is unknown to transformers; {suggest_name(model_type, CONFIG_MAPPING)}"
        ]
    config_class = CONFIG_MAPPING[model_type]
    problems: list[str] = []
    own_fields = {
        name: value for name, value in fields.items() if name not in ("model_type", *config_class.attribute_map)
    }
    _validate(fields_model(config_class), own_fields, key, problems)
    return problems


def _train_problems(raw: Any) -> list[str]:
    problems: list[str] = []
    _validate(fields_model(training_arguments_class()), raw, "train", problems)
    return problems


def _fit_problems(
    raw_tasks: list[Any], tasks: list[TaskConfig], raw_data: list[Any], data: list[DataSource]
) -> Iterator[str]:
    task_names = [name for raw in raw_tasks if (name := _name(raw))]
    yield from check_duplicates("tasks", task_names)
    yield from check_duplicates("data", [name for raw in raw_data if (name := _name(raw))])
    yield from check_fit(task_names, tasks, data)
    if data and len(data) == len(raw_data):
        yield from check_coverage(task_names, data)
