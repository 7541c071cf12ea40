"""`metrics.jsonl`: what a run has logged, one JSON object an entry, on the disk as soon as it is logged."""

import json
import math
import os
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

METRICS = "metrics.jsonl"


class MetricsFileCallback(TrainerCallback):
    """Writes every log entry of a run to a file.

    A resumed run begins with the entries that its checkpoint remembers, so what an interrupted run logged after that
    checkpoint goes, and no step stands twice.

    Args:
        path: The file; its folder is made where missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin the file anew, with the entries up to the step where this run begins."""
        if state.is_world_process_zero:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside = self.path.with_name(f".{self.path.name}")
            _write(beside, "w", [entry for entry in state.log_history if not _is_summary(entry)])
            beside.replace(self.path)

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Append the newest entry."""
        if state.is_world_process_zero and not _is_summary(state.log_history[-1]):
            _write(self.path, "a", state.log_history[-1:])


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a metrics file, in order; a number that was not finite is None."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _is_summary(entry: dict[str, Any]) -> bool:
    return "train_runtime" in entry  # Trainer's last entry: after a resume it would be about the steps since then


def _write(path: Path, mode: str, entries: list[dict[str, Any]]) -> None:
    with path.open(mode, encoding="utf-8") as file:
        for entry in entries:
            ordered = {"step": entry["step"], "epoch": entry.get("epoch"), **entry}
            finite = {
                key: None if isinstance(value, float) and not math.isfinite(value) else value
                for key, value in ordered.items()
            }
            file.write(json.dumps(finite, allow_nan=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
