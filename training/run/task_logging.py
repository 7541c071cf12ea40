"""Losses and shares of the tasks in the training log, unbroken by a resume."""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Trainer

UNLOGGED = "unlogged"


class TaskLoggingTrainer(Trainer):
    """A Trainer that logs each task's loss and share of the labels.

    What was summed since the last log entry is kept in the checkpoint, so that the first entry of a resumed run is about
    the same steps as that of a run which never stopped.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Since the last log, by task: losses of this process, and the number of steps that had a label anywhere.
        self._loss_sums: dict[str, Tensor] = {}
        self._num_steps: dict[str, int] = defaultdict(int)
        self._num_labels: dict[str, int] = defaultdict(int)
        super().__init__(*args, **kwargs)

    def note_losses(self, losses: Mapping[str, Tensor]) -> None:
        """Add the losses of one batch, by task."""
        for name, loss in losses.items():
            self._loss_sums[name] = self._loss_sums.get(name, 0.0) + loss.detach()

    def note_labels(self, counts: Mapping[str, int]) -> None:
        """Add the labels of one optimizer step over all processes, by task."""
        self.note_steps(counts)
        for name, count in counts.items():
            self._num_labels[name] += count

    def note_steps(self, counts: Mapping[str, int]) -> None:
        """Count the optimizer step for each loss that has items in it, on any process."""
        for name, count in counts.items():
            self._num_steps[name] += bool(count)

    def take_task_logs(self) -> dict[str, float]:
        """Return `loss/<task>`, a mean over steps, and `share/<task>` of the labels, and begin anew."""
        names = list(self._num_steps)  # in the same order on every process
        sums = torch.tensor([float(self._loss_sums.get(name, 0.0)) for name in names], device=self.args.device)
        totals = dict(zip(names, self.accelerator.reduce(sums, "sum").tolist(), strict=True))
        means = {f"loss/{name}": totals[name] / self._num_steps[name] for name in names if self._num_steps[name]}
        num_all = sum(self._num_labels.values())
        shares = {f"share/{name}": count / num_all for name, count in self._num_labels.items() if num_all}
        for store in (self._loss_sums, self._num_steps, self._num_labels):
            store.clear()
        return means | shares

    # Trainer calls the next two on every process, for what belongs to the process.
    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        unlogged = {
            "last_logged_step": self._globalstep_last_logged,
            "loss": self._tr_loss.item(),
            "loss_sums": {name: float(total) for name, total in self._loss_sums.items()},
            "num_steps": self._num_steps,
            "num_labels": self._num_labels,
        }
        self._unlogged_file(output_dir).write_text(json.dumps(unlogged), encoding="utf-8")

    def _load_rng_state(self, checkpoint: str | None) -> None:
        super()._load_rng_state(checkpoint)
        if checkpoint is None or not self._unlogged_file(checkpoint).is_file():
            return
        unlogged = json.loads(self._unlogged_file(checkpoint).read_text(encoding="utf-8"))
        self._globalstep_last_logged = unlogged["last_logged_step"]
        self._tr_loss += unlogged["loss"]  # in place of the zero that every call of `train` starts from
        for name, total in unlogged["loss_sums"].items():
            self._loss_sums[name] = self._loss_sums.get(name, 0.0) + torch.tensor(total, device=self.args.device)
        # Added, because the labels of the next step have been counted already.
        for store, kept in ((self._num_steps, unlogged["num_steps"]), (self._num_labels, unlogged["num_labels"])):
            for name, count in kept.items():
                store[name] += count

    def _unlogged_file(self, folder: str) -> Path:
        return Path(folder) / f"{UNLOGGED}_{self.args.process_index}.json"
