"""`polyhead env`: what a report of a problem should say about the machine."""

import importlib.util
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "huggingface_hub",
    "safetensors",
    "numpy",
    "accelerate",
    "datasets",
    "sentence-transformers",
)


def env(as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False) -> None:
    """Show versions, processor and accelerator."""
    from .json_lines import print_json

    facts = environment()
    if as_json:
        print_json(facts)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:{width}}  {value}")


def environment() -> dict[str, Any]:
    """Return versions and hardware by name."""
    import torch

    from . import __version__
    from .modeling.backbone_polyhead import OFFLINE_NAME, OFFLINE_PACKAGE
    from .training.processor import processor_name

    return {
        "polyhead": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        **{name: _version(name) for name in PACKAGES},
        "processor": processor_name(),
        "processors": os.cpu_count(),
        "torch threads": torch.get_num_threads(),
        "accelerator": _accelerator(torch),
        "offline backbone": OFFLINE_NAME if importlib.util.find_spec(OFFLINE_PACKAGE) else "not installed",
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _accelerator(torch: Any) -> str:
    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return str(accelerator) if accelerator else "none"
