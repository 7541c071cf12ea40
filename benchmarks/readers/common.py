"""What every reader needs: texts, and how far two answers are apart."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from polyhead import PolyheadModel

TEXTS = [
    "A cat sat on the mat.",
    "Parliament votes on Tuesday.",
    "What a game!",
    "The parcel came late, and the box was open.",
]
# Reads the folder, or changes a copy of the model, and returns the largest difference to the model itself.
Reader = Callable[[Path, PolyheadModel], float]


def distance(found: object, expected: object) -> float:
    """Return the largest absolute difference of two arrays of one shape."""
    first, second = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"shape {first.shape}, expected {second.shape}")
    return float(np.abs(first - second).max())
