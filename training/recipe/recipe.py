"""A recipe: the YAML file that says what to train, on which data, and how."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...configuration.tasks_polyhead import TaskConfig
from ..closest_name import suggest_name
from .dataclass_fields import fields_model
from .recipe_checks import check_coverage, check_duplicates, check_fit, check_metrics, check_paths, check_streams
from .recipe_error import RecipeError, show
from .recipe_overrides import apply_overrides
from .recipe_sections import DataSource, ModelSection
from .recipe_validation import validate_from_scratch, validate_section, validate_task
from .recipe_yaml import read_recipe_file

SECTIONS = ("model", "tasks", "data", "train")


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
    problems += [f"{key}: unknown section; {_suggest_section(str(key))}" for key in content if key not in SECTIONS]
    problems += [f"{key}: missing section; add it" for key in SECTIONS[:3] if content.get(key) is None]
    folder = {"folder": Path(path).resolve().parent}
    model = _model(content.get("model"), problems, folder)
    tasks = [task for key, raw in _items(content, "tasks", problems) if (task := validate_task(raw, key, problems))]
    data, is_data_sound = _data(content, problems, folder)
    train = {} if content.get("train") is None else content["train"]
    validate_section(fields_model(training_arguments_class()), train, "train", problems)

    task_names = _names(content.get("tasks"))
    problems += check_duplicates("tasks", task_names)
    problems += check_duplicates("data", _names(content.get("data")))
    problems += check_fit(task_names, tasks, data)
    has_checkpoint = model is not None and model.checkpoint is not None
    problems += check_metrics(tasks)
    problems += check_coverage(task_names, data, has_checkpoint) if is_data_sound else []
    problems += check_paths(data, model)
    problems += check_streams(data, train)
    if problems or model is None:
        raise RecipeError(str(path), problems)
    return Recipe(Path(path), model, tasks, data, dict(train), content)


def training_arguments_class() -> type:
    """Return the dataclass whose fields `train` may set; imported late, because it imports torch."""
    from ..arguments import PolyheadTrainingArguments

    return PolyheadTrainingArguments


def _suggest_section(key: str) -> str:
    fields = {"train": fields_model(training_arguments_class()).model_fields, "model": ModelSection.model_fields}
    homes = [section for section, known in fields.items() if key in known]
    return f"it belongs to {homes[0]}: {homes[0]}.{key}" if homes else suggest_name(key, SECTIONS)


def _model(raw: Any, problems: list[str], context: dict[str, Any]) -> ModelSection | None:
    if raw is None:  # told already: a missing section
        return None
    model = validate_section(ModelSection, raw, "model", problems, context)
    if model is not None and model.from_scratch is not None:
        validate_from_scratch(model.from_scratch, problems)
    return model


def _data(content: dict[str, Any], problems: list[str], context: dict[str, Any]) -> tuple[list[DataSource], bool]:
    """Return the data sets that hold, and whether nothing was wrong with any."""
    items = _items(content, "data", problems)
    num_before = len(problems)
    sources = [validate_section(DataSource, raw, key, problems, context) for key, raw in items]
    return [source for source in sources if source], bool(items) and len(problems) == num_before


def _items(content: dict[str, Any], section: str, problems: list[str]) -> list[tuple[str, Any]]:
    """Return the items of a list section, each with its key path: by name where it has one, else by position."""
    items = content.get(section)
    if items is None:  # told already: a missing section
        return []
    if not isinstance(items, list) or not items:
        problems.append(f"{section}: {show(items)} came; write a list, each item begun with `- name: ...`")
        return []
    return [(f"{section}.{''.join(_names([item])) or index}", item) for index, item in enumerate(items)]


def _names(items: Any) -> list[str]:
    """Return the names of those items that have one."""
    named = (
        [item["name"] for item in items if isinstance(item, dict) and "name" in item] if isinstance(items, list) else []
    )
    return [name for name in named if isinstance(name, str)]
