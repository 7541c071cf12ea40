"""What a run writes down about itself before it trains: the recipe as it was resolved, and what it ran on."""

import copy
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ..processor import processor_name
from ..recipe.recipe import Recipe
from ..recipe.recipe_sections import SPLITS
from ..recipe.recipe_yaml import format_yaml

RECIPE = "recipe.yaml"
VERSIONS = "versions.json"
PACKAGES = ("polyhead", "torch", "transformers", "tokenizers", "datasets", "accelerate", "numpy")


def write_record(folder: Path, recipe: Recipe, args: Any) -> None:
    """Write `recipe.yaml` and `versions.json`.

    Args:
        folder: Made where missing.
        recipe: What is trained.
        args: The training arguments.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = f"# Resolved from {recipe.path.resolve()}, with what --set changed.\n"
    (folder / RECIPE).write_text(told + format_yaml(resolved_content(recipe)), encoding="utf-8")
    (folder / VERSIONS).write_text(json.dumps(run_facts(args), indent=2) + "\n", encoding="utf-8")


def resolved_content(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe's content with absolute paths, so that it means the same in any folder of this machine."""
    content = copy.deepcopy(recipe.content)
    model = recipe.model
    places = {
        "backbone": model.backbone_location(),
        "checkpoint": model.checkpoint_location(),
        "tokenizer": model.tokenizer_location(),
    }
    content["model"] |= {key: place for key, place in places.items() if place}
    for written, source in zip(content["data"], recipe.data, strict=True):
        written |= {split: str(file) for split in SPLITS if (file := source.file(split))}
    return content


def run_facts(args: Any) -> dict[str, Any]:
    """Return versions, machine and seed: with the recipe and the data, all that decides a run's numbers."""
    return {
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "platform": platform.platform(),
        "device": str(args.device),
        "device_name": torch.cuda.get_device_name(args.device) if args.device.type == "cuda" else processor_name(),
        "processes": args.world_size,
        "threads": torch.get_num_threads(),
        "seed": args.seed,
    }
