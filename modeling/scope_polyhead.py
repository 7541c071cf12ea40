"""How far a text lies from what a task was trained on: the classes' places in the embedding, and the head's own answer.

Numpy alone, so that other runtimes share it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..configuration.tasks_polyhead import TaskConfig
from .encoding_polyhead import normalized

SCOPE = "out_of_scope.safetensors"
_PARTS = ("whitening", "means")


@dataclass(frozen=True)
class Scope:
    """Where the training rows of a task's classes lie.

    Args:
        whitening: Turns embeddings of length 1 into vectors of which training rows have, in the mean, a squared distance of
            1 to their class; float32, shape (dim, dim).
        means: The classes' means among these vectors, float32, shape (num_labels, dim).

    Source:
        Lee et al. 2018, A Simple Unified Framework for Detecting Out-of-Distribution Samples,
        https://arxiv.org/abs/1807.03888: class means with one shared covariance.
    """

    whitening: np.ndarray
    means: np.ndarray

    def distances(self, embeddings: np.ndarray) -> np.ndarray:
        """Return each text's squared Mahalanobis distance to each class, over the number of dimensions, (batch, num_labels).

        Args:
            embeddings: Of any length, shape (batch, dim).
        """
        # In float64: whitening blows up what hardly varies in training, and the products below cancel each other.
        places = normalized(embeddings.astype(np.float64)) @ self.whitening.astype(np.float64)  # (batch, dim)
        means = self.means.astype(np.float64)
        squares = (places**2).sum(axis=1, keepdims=True) + (means**2).sum(axis=1)  # (batch, num_labels)
        return np.maximum(squares - 2 * places @ means.T, 0)

    def score(self, embeddings: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """Return how far out of scope each text is, shape (batch,): about 1 for a training row, more for stranger ones.

        The mean distance to the classes, weighed by how likely the head holds each: far from all classes, or torn between
        classes that lie apart, gives a high score, and so does an embedding far from the class that the head is sure of.

        Args:
            embeddings: Shape (batch, dim).
            probabilities: The head's, shape (batch, num_labels).
        """
        score: np.ndarray = (self.distances(embeddings) * probabilities).sum(axis=1)
        return score


def write_scopes(folder: Path, scopes: Mapping[str, Scope]) -> None:
    """Write the statistics of tasks into one file, never seen half written; where there are none, no file stays."""
    if not scopes:
        (folder / SCOPE).unlink(missing_ok=True)  # of another model
        return
    tensors = {f"{name}.{part}": getattr(scope, part) for name, scope in scopes.items() for part in _PARTS}
    unfinished = folder / f".{SCOPE}.unfinished"
    unfinished.touch()
    mode = unfinished.stat().st_mode  # safetensors lets nobody else read what it writes
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, unfinished)
    unfinished.chmod(mode)
    unfinished.replace(folder / SCOPE)


def read_scopes(file: Path | None, tasks: list[TaskConfig], embedding_size: int) -> dict[str, Scope]:
    """Read the statistics of every task that has a threshold for them.

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
        return {task.name: _checked(task, tensors, embedding_size) for task in wanted}
    except (SafetensorError, OSError, ValueError) as error:
        names = ", ".join(task.name for task in wanted)
        raise ValueError(
            f"{SCOPE}, by which {names} tells what is out of scope, cannot be read: {error}. Fetch the "
            "model again; or remove max_out_of_scope from config.json, and run `polyhead calibrate` to get both again."
        ) from error


def _checked(task: TaskConfig, tensors: dict[str, np.ndarray], size: int) -> Scope:
    shapes = {"whitening": (size, size), "means": (task.num_labels, size)}
    for part, shape in shapes.items():
        found = tensors.get(f"{task.name}.{part}")
        if found is None or found.shape != shape or found.dtype != np.float32 or not np.isfinite(found).all():
            came = "nothing" if found is None else f"{found.dtype} {found.shape}"
            raise ValueError(f"{task.name}.{part} must be finite float32 numbers {shape}, but {came} came")
    return Scope(**{part: tensors[f"{task.name}.{part}"] for part in shapes})
