"""What a `config.json` may not say, whoever wrote it: checked before anything is built from it."""

import re
from pathlib import Path
from typing import Any

LARGEST_CONFIG_BYTES = 20_000_000
LARGEST_NUMBER = 10_000_000  # vocabulary, positions, labels
MOST_LAYERS = 500
MOST_TASKS = 1000
MOST_HEAD_LAYERS = 1000  # of all heads together
MOST_LABELS = 1_000_000
_REFERENCE = re.compile(r"[a-z0-9_]+_polyhead\.[A-Za-z0-9_]+")  # file.Class, beside the config
_COUNTS_LAYERS = re.compile(r"(num_|n_|mix_last_|encoder_|decoder_)\w*(layers?|groups?|blocks?)|inner_group_num")
# Values of these are names of code on the Hub (kernels), which transformers would fetch and run.
_NAMES_CODE = re.compile(r"_?(attn|experts)_implementation\w*|use_kernels|kernel_config")
_BLOCK_TYPES: dict[str, tuple[type, ...]] = {
    "pooling": (str, list),
    "mix_last_layers": (int,),
    "projection_dim": (int,),
    "normalize": (bool,),
    "max_length": (int,),
    "prompts": (dict,),
    "default_prompt_name": (str,),
    "tasks": (list,),
    "results": (list,),
    "speed": (dict,),
}
_RESULT_TEXTS = ("task", "dataset", "split", "metric")
_SPEED_NUMBERS = ("texts_per_second", "tokens_per_text", "threads")
_SPEED_TEXTS = ("device", "dtype")


def refuse_large_config(name: str) -> None:
    """Refuse a folder whose `config.json` is larger than any model's, before it is read.

    Raises:
        ValueError: Says how large it is.
    """
    file = Path(name) / "config.json"
    if file.is_file() and file.stat().st_size > LARGEST_CONFIG_BYTES:
        raise ValueError(f"'{file}' has {file.stat().st_size:,} bytes, more than any model's {LARGEST_CONFIG_BYTES:,}.")


def refuse_untrusted(fields: dict[str, Any], name: str) -> None:
    """Refuse a polyhead checkpoint's config that names code elsewhere, or sizes that no model has.

    Args:
        fields: Content of `config.json`.
        name: Folder or Hub name, for the message.

    Raises:
        ValueError: Says which field holds what.
    """
    for place, value in _leaves(fields, ""):
        _check_leaf(place, value, name)
    for key in ("auto_map", "custom_pipelines"):
        _check_references(fields.get(key) or {}, key, name)
    block = fields.get("polyhead")
    if not isinstance(block, dict):
        _refuse(name, "polyhead", block, "it must be an object")
        return
    for key, kinds in _BLOCK_TYPES.items():
        if block.get(key) is not None and type(block[key]) not in kinds:
            _refuse(name, f"polyhead.{key}", block[key], f"it must be {' or '.join(kind.__name__ for kind in kinds)}")
    _check_tasks(block.get("tasks") or [], name)
    _check_measured(block, name)
    for key, text in (block.get("prompts") or {}).items():
        if not isinstance(text, str):
            _refuse(name, f"polyhead.prompts.{key}", text, "it must be a text")


def _leaves(value: Any, place: str) -> list[tuple[str, Any]]:
    """Return every number and text with its place, without recursion: a file may nest deeper than Python does."""
    found, waiting = [], [(place, value)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{place}.{key}".lstrip("."), item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(place, item) for item in value]
        else:
            found.append((place, value))
    return found


def _check_leaf(place: str, value: Any, name: str) -> None:
    key = place.rsplit(".", 1)[-1]
    if _NAMES_CODE.fullmatch(place.split(".")[0]) and value not in (None, False, "eager", "sdpa", "flex_attention"):
        _refuse(name, place, value, "code from elsewhere is not run; leave the field out")
    if isinstance(value, bool) or not isinstance(value, int):
        return
    most = MOST_LAYERS if _COUNTS_LAYERS.fullmatch(key) else LARGEST_NUMBER
    if place.startswith("polyhead.results") or abs(value) <= most:
        return
    _refuse(name, place, value, f"no model has more than {most}")


def _check_references(references: Any, place: str, name: str) -> None:
    if not isinstance(references, dict):
        _refuse(name, place, references, "it must be an object")
    for key, value in references.items():
        target = value.get("impl") if isinstance(value, dict) else value
        if not isinstance(target, str) or not _REFERENCE.fullmatch(target):
            _refuse(name, f"{place}.{key}", target, "it must name a polyhead file beside the config, as file.Class")


def _check_measured(block: dict[str, Any], name: str) -> None:
    for row in block.get("results") or []:
        if not (isinstance(row, dict) and _has(row, _RESULT_TEXTS, ("value",))):
            _refuse(
                name, "polyhead.results", row, f"each row must have {', '.join(_RESULT_TEXTS)} and a number as value"
            )
    speed = block.get("speed")
    if speed and not _has(speed, _SPEED_TEXTS, _SPEED_NUMBERS):
        _refuse(name, "polyhead.speed", speed, f"it must have {', '.join((*_SPEED_NUMBERS, *_SPEED_TEXTS))}")


def _has(fields: dict[str, Any], texts: tuple[str, ...], numbers: tuple[str, ...]) -> bool:
    return all(isinstance(fields.get(key), str) for key in texts) and all(
        isinstance(fields.get(key), int | float) for key in numbers
    )


def _check_tasks(tasks: list[Any], name: str) -> None:
    if len(tasks) > MOST_TASKS:
        _refuse(name, "polyhead.tasks", len(tasks), f"no model has more than {MOST_TASKS} tasks")
    for task in tasks:
        if not isinstance(task, dict) or not all(isinstance(key, str) for key in task):
            _refuse(name, "polyhead.tasks", task, "each task must be an object")
        if isinstance(task.get("labels"), list) and len(task["labels"]) > MOST_LABELS:
            _refuse(name, "polyhead.tasks.labels", len(task["labels"]), f"no task has more than {MOST_LABELS} labels")
    layers = sum(task["head_num_layers"] for task in tasks if isinstance(task.get("head_num_layers"), int))
    if layers > MOST_HEAD_LAYERS:
        _refuse(name, "polyhead.tasks.head_num_layers", layers, f"all heads have at most {MOST_HEAD_LAYERS} layers")


def _refuse(name: str, place: str, value: Any, reason: str) -> None:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    raise ValueError(f"'{name}' is not loaded: config.json says {place}: {shown}; {reason}.")
