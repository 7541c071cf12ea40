"""Tensors of a run's start, kept in its folder: a resumed run compares with the start, not with where it goes on."""

import os
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor


def save_start(path: Path, tensors: dict[str, Tensor], facts: dict[str, str]) -> None:
    """Write a file that is whole or not there.

    Args:
        path: In the run's folder.
        tensors: What is kept.
        facts: What tells this start from another one, and whatever else is text.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, unfinished, metadata=facts)
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)


def load_start(path: Path, expected: dict[str, str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read what `save_start` has written.

    Args:
        path: In the run's folder.
        expected: Facts that must be the same as at the start.

    Raises:
        ValueError: The file is missing, damaged, or of another run.
    """
    remedy = "Resume in the run's own folder with the recipe it began with, or start in a new one."
    if not path.is_file():
        raise ValueError(f"cannot resume: '{path}' is missing, which keeps what the run began with. {remedy}")
    try:
        with safe_open(path, "pt") as file:
            facts = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    except SafetensorError as error:
        raise ValueError(f"cannot resume: '{path}' is damaged ({error}). {remedy}") from error
    different = sorted(name for name, value in expected.items() if facts.get(name) != value)
    if different:
        raise ValueError(f"cannot resume: {', '.join(different)} changed since '{path}' was written. {remedy}")
    return tensors, facts
