"""A JSON schema of recipes, for completion and hints in editors.

A recipe that begins with `# yaml-language-server: $schema=schema.json` is checked while it is written. The file
`recipes/schema.json` is made by `python -m polyhead.training.recipe.recipe_schema recipes/schema.json`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from ...configuration.task_kinds_polyhead import HEAD_INPUTS, HEAD_KINDS, TASK_KINDS
from ...configuration.tasks_polyhead import TaskConfig
from .dataclass_fields import fields_model
from .recipe import training_arguments_class
from .recipe_sections import DataSource, ModelSection


def recipe_json_schema() -> dict[str, Any]:
    """Return the JSON schema of a recipe, made from the classes that validate it.

    Its `$comment` names the version of transformers, from which most keys of `train` come.
    """
    from transformers import __version__

    task = fields_model(TaskConfig).model_json_schema()
    for field, values in (("kind", TASK_KINDS), ("head", HEAD_KINDS), ("head_input", HEAD_INPUTS)):
        task["properties"][field]["enum"] = list(values)
    train = fields_model(training_arguments_class()).model_json_schema()
    train.pop("required", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"made with transformers {__version__}",
        "title": "polyhead recipe",
        "type": "object",
        "additionalProperties": False,
        "required": ["model", "tasks", "data"],
        "properties": {
            "model": ModelSection.model_json_schema(),
            "tasks": {"type": "array", "minItems": 1, "items": task},
            "data": {"type": "array", "minItems": 1, "items": DataSource.model_json_schema()},
            "train": train,
        },
    }


def schema_text() -> str:
    """Return the content of `recipes/schema.json`."""
    return json.dumps(recipe_json_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
