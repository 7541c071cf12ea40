"""How far a text lies from what a task was trained on: its nearest training row, and the head's own confidence.

Numpy alone, so that other runtimes share it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..configuration.tasks_polyhead import TaskConfig
from .encoding_polyhead import normalized

SCOPE = "out_of_scope.safetensors"
_ROWS = ".training_rows"
_AT_ONCE = 256  # texts, so that memory does not grow with the batch


@dataclass(frozen=True)
class Scope:
    """What a task was trained on.

    Args:
        training_rows: Embeddings of training rows, of length 1, float16, shape (rows, dim).

    Source:
        Sun et al. 2022, Out-of-Distribution Detection with Deep Nearest Neighbors, https://arxiv.org/abs/2204.06507, with
        one neighbour, and divided by the head's confidence.
    """

    training_rows: np.ndarray

    @classmethod
    def of(cls, embeddings: np.ndarray) -> "Scope":
        """Keep the embeddings (rows, dim) of training rows, of any length."""
        return cls(normalized(embeddings).astype(np.float16))

    def score(self, embeddings: np.ndarray, confidence: np.ndarray) -> np.ndarray:
        """Return how far out of scope each text is, shape (batch,): 0 for a training row, more for stranger ones.

        Args:
            embeddings: Of any length, shape (batch, dim).
            confidence: The head's probability of its answer, shape (batch,).
        """
        score: np.ndarray = self.distances(embeddings) / np.maximum(confidence, 1e-12)
        return score

    def distances(self, embeddings: np.ndarray) -> np.ndarray:
        """Return 1 - cosine of each embedding (batch, dim) and its nearest training row, in [0, 2], shape (batch,)."""
        parts = np.array_split(normalized(embeddings.astype(np.float32)), len(embeddings) // _AT_ONCE + 1)
        return np.maximum(1 - np.concatenate([(part @ self._columns).max(axis=1) for part in parts]), 0)

    @cached_property
    def _columns(self) -> np.ndarray:
        return normalized(self.training_rows.astype(np.float32)).T  # (dim, rows); length 1 again after rounding


def write_scopes(folder: Path, scopes: Mapping[str, Scope]) -> None:
    """Write what tasks were trained on into one file, never seen half written; where there are none, no file stays."""
    if not scopes:
        (folder / SCOPE).unlink(missing_ok=True)  # of another model
        return
    unfinished = folder / f".{SCOPE}.unfinished"
    unfinished.touch()
    mode = unfinished.stat().st_mode  # safetensors lets nobody else read what it writes
    save_file({name + _ROWS: np.ascontiguousarray(scope.training_rows) for name, scope in scopes.items()}, unfinished)
    unfinished.chmod(mode)
    unfinished.replace(folder / SCOPE)


def read_scopes(file: Path | None, tasks: list[TaskConfig], embedding_size: int) -> dict[str, Scope]:
    """Read the training rows of every task that has a threshold for their distance.

    Args:
        file: That `write_scopes` wrote; None: there is none.
        tasks: Of the model.
        embedding_size: Of the model.

    Raises:
        ValueError: The file is missing or damaged, or does not fit the model; says how to get another.
    """
    wanted = [task for task in tasks if task.max_out_of_scope is not None]
    if not wanted:
        return {}
    try:
        if file is None:
            raise ValueError("there is no such file")
        tensors = load_file(file)
        return {task.name: _checked(task.name + _ROWS, tensors, embedding_size) for task in wanted}
    except (SafetensorError, OSError, ValueError) as error:
        names = ", ".join(task.name for task in wanted)
        raise ValueError(
            f"{SCOPE}, by which {names} tells what is out of scope, cannot be read: {error}. Fetch the "
            "model again; or remove max_out_of_scope from config.json, and run `polyhead calibrate` to get both again."
        ) from error


def _checked(name: str, tensors: Mapping[str, np.ndarray], size: int) -> Scope:
    found = tensors.get(name)
    if found is None or found.ndim != 2 or found.shape[1] != size or not len(found) or found.dtype != np.float16:
        came = "nothing" if found is None else f"{found.dtype} {found.shape}"
        raise ValueError(f"{name} must be float16 of shape (rows, {size}), but {came} came")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} holds what is no number")
    return Scope(found)
