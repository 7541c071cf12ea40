"""A run that starts from a trained model with its heads: which tasks stay as they are, which are new."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from ..configuration.configuration_polyhead import PolyheadConfig
from ..configuration.tasks_polyhead import TaskConfig
from ..modeling.modeling_polyhead import PolyheadModel
from .recipe.recipe import Recipe

# What the trained weights depend on; the other fields steer training and decisions, and a recipe may change them.
FROZEN_FIELDS = (
    *("kind", "labels", "head", "head_input", "head_hidden_size", "head_num_layers", "head_activation"),
    *("head_layer_norm", "head_num_attention_heads", "target_mean", "target_scale", "value_range"),
)


def starting_tasks(recipe: Recipe) -> tuple[list[TaskConfig], list[TaskConfig]]:
    """Return the tasks of the checkpoint that a recipe starts from, and the recipe's new ones.

    A task of the recipe that the checkpoint has takes from it what the recipe leaves out.

    Returns:
        All tasks of the checkpoint in their order, none without a checkpoint; the tasks that are new.

    Raises:
        ValueError: There is no such checkpoint, or a task of the recipe contradicts its namesake there.
    """
    if recipe.model.checkpoint is None:
        return [], recipe.tasks
    try:
        trained = PolyheadConfig.from_pretrained(str(recipe.model.checkpoint_location())).tasks
    except (ValueError, OSError) as error:
        raise ValueError(f"correct model.checkpoint of {recipe.path}: {str(error).splitlines()[0]}") from error
    written = {raw["name"]: [key for key in raw if key != "name"] for raw in recipe.content["tasks"]}
    named = {task.name: task for task in recipe.tasks}
    problems = [line for old in trained if old.name in named for line in _contradictions(old, named[old.name], written)]
    if problems:
        raise ValueError("\n  ".join([f"{recipe.path} contradicts its checkpoint:", *problems]))
    # Calibration holds for the weights that it was fitted on; these are going to change.
    uncalibrated: dict[str, Any] = {"temperature": 1.0, "min_confidence": None, "max_out_of_scope": None}
    trained = [dataclasses.replace(task, **uncalibrated) for task in trained]
    kept = [_changed(old, named[old.name], written[old.name]) if old.name in named else old for old in trained]
    return kept, [task for name, task in named.items() if name not in {old.name for old in trained}]


def load_with_tasks(location: str, tasks: Sequence[TaskConfig]) -> PolyheadModel:
    """Load a checkpoint with more tasks than it was trained for; the weights of new heads depend on torch's seed.

    Args:
        location: Folder or Hub name.
        tasks: All tasks of the checkpoint, and new ones.

    Raises:
        ValueError: The checkpoint lacks weights that are not those of a new head.
    """
    config = PolyheadConfig.from_pretrained(location)
    old = {task.name for task in config.tasks}
    config.tasks, config.results, config.speed = list(tasks), [], None  # those were measured of another model
    model, info = PolyheadModel.from_pretrained(location, config=config, allow_missing=True, output_loading_info=True)
    new = tuple(f"polyhead.heads.{task.name}." for task in tasks if task.name not in old)
    missing = sorted(name for name in info["missing_keys"] if not name.startswith(new))
    if missing:
        raise ValueError(f"'{location}' lacks the weights of {', '.join(missing[:10])}; give a complete checkpoint.")
    return model


def _contradictions(old: TaskConfig, new: TaskConfig, written: dict[str, list[str]]) -> list[str]:
    return [
        f"tasks.{old.name}.{field}: {getattr(new, field)} came, but it was trained with {getattr(old, field)}; "
        "leave the field out, or give the new task another name"
        for field in FROZEN_FIELDS
        if field in written[old.name] and getattr(new, field) != getattr(old, field)
    ]


def _changed(old: TaskConfig, new: TaskConfig, written: list[str]) -> TaskConfig:
    return dataclasses.replace(old, **{field: getattr(new, field) for field in written})
