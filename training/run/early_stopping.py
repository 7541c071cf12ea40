"""Whether early stopping has already ended a run, which the Trainer itself asks only after the next evaluation."""

from collections.abc import Iterable
from typing import Any

from transformers import EarlyStoppingCallback


def is_out_of_patience(callbacks: Iterable[Any]) -> bool:
    """Say whether an `EarlyStoppingCallback` has counted to its end."""
    return any(
        callback.early_stopping_patience_counter >= callback.early_stopping_patience
        for callback in callbacks
        if isinstance(callback, EarlyStoppingCallback)
    )
