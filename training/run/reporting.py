"""Services that a run may report to beside its own log: trackio, TensorBoard, W&B and whatever else Trainer knows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transformers.integrations import TensorBoardCallback
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

from ..closest_name import suggest_name


def refuse_missing_services(names: Iterable[str]) -> None:
    """Refuse services that Trainer does not know, or whose package is not installed.

    Raises:
        ValueError: The message names the service.
    """
    for name in names:
        if name not in INTEGRATION_TO_CALLBACK:
            raise ValueError(f"report_to: '{name}' is no service; {suggest_name(name, INTEGRATION_TO_CALLBACK)}.")
        try:
            INTEGRATION_TO_CALLBACK[name]()
        except (ImportError, RuntimeError) as error:
            raise ValueError(
                f"report_to: the package of '{name}' is not installed; pip install {name}, or leave report_to out: the same "
                "numbers stand in run/metrics.jsonl."
            ) from error


def report_into(folder: Path, callbacks: Iterable[Any]) -> None:
    """Let TensorBoard's files lie in a run's folder, not beside the model, unless TENSORBOARD_LOGGING_DIR is set."""
    for callback in callbacks:
        if isinstance(callback, TensorBoardCallback) and callback.logging_dir is None:
            callback.logging_dir = str(folder / "tensorboard")
