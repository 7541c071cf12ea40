"""How the losses of several tasks become the one that is backpropagated: weights as told, or by the number of classes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import TrainerCallback

from ...configuration.tasks_polyhead import TaskConfig

STATE_FILE = "balance.safetensors"
_NUMBERS = ("regression", "pair_similarity")


@dataclass(frozen=True)
class Step:
    """One optimizer step.

    Args:
        number: Counted from 0.
        tasks: Those with a label in it, on any process.
        num_batches: How many batches this process accumulates.
        measure: Return the losses of these batches by task, with the weights as they are and no gradient.
        reduce: Sum a tensor over all processes.
    """

    number: int = 0
    tasks: Sequence[str] = ()
    num_batches: int = 1
    measure: Callable[[], dict[str, Tensor]] = dict
    reduce: Callable[[Tensor], Tensor] = Tensor.clone


class Balance(TrainerCallback):
    """Fixed weights: the sum of the losses, each times its task's `weight`. The base of the other methods.

    The Trainer sets `step`, calls `combine` for each batch of the step, and `gradients_ready` after the last one, before
    gradients are clipped. The moments around it are those of `TrainerCallback`.

    Args:
        model: A `PolyheadModel`, on its device.
        seed: For methods that draw.
    """

    name = "fixed"

    def __init__(self, model: Any, seed: int) -> None:
        self.tasks: dict[str, TaskConfig] = {task.name: task for task in model.config.tasks}
        self.step = Step()
        self.weights: dict[str, float] = {}  # in effect at the latest step, task's `weight` included, for the log

    def combine(self, losses: dict[str, Tensor], total: Tensor) -> Tensor:
        """Return the loss that is backpropagated.

        Args:
            losses: Of one batch, by task, each already divided by the task's items in the whole step.
            total: Their sum with the tasks' `weight`; connected to the graph also where there is no label.
        """
        return total

    def gradients_ready(self) -> None:
        """Change the gradients of the step, which are complete."""

    def groups(self) -> list[dict[str, Any]]:
        """Return the optimizer groups of what is learned here."""
        return []

    def state(self) -> dict[str, Tensor]:
        """Return what a resumed run needs."""
        return {}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` gave."""


class WeightedBalance(Balance):
    """A method that gives each loss a factor."""

    def combine(self, losses: dict[str, Tensor], total: Tensor) -> Tensor:
        """Return the sum of the losses with `weights`."""
        return sum((self.weights[name] * loss for name, loss in losses.items()), total * 0.0)


class ClassCountBalance(WeightedBalance):
    """Divide each loss by what guessing costs, the logarithm of the number of classes; numbers keep factor 1.

    Source:
        Loss scaling in MUPPET, https://arxiv.org/abs/2101.11038.
    """

    name = "class_count"

    def __init__(self, model: Any, seed: int) -> None:
        super().__init__(model, seed)
        self.weights = {name: task.weight / _guessing_costs(task) for name, task in self.tasks.items()}


def _guessing_costs(task: TaskConfig) -> float:
    if task.kind in _NUMBERS:
        return 1.0  # targets are scaled to variance 1, which is the squared error of the mean
    # Each label of a multi-label task is a question with two answers.
    return math.log(2 if task.loss == "binary_cross_entropy" else max(task.num_labels, 2))


def step_losses(
    model: Any, prepare: Callable[[Any], Any], batches: Sequence[dict[str, Any]], num_items: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Return the losses of a step's batches by task, as in training but without a gradient.

    Args:
        model: As it is now; it is left in training mode.
        prepare: Brings a batch to the model's device.
        batches: Of this process, as collated.
        num_items: What each task's loss is divided by.
    """
    sums: dict[str, Tensor] = {}
    model.train()
    for batch in batches:
        inputs = prepare({key: value for key, value in batch.items() if key not in ("where", "earlier")})
        with torch.no_grad():
            losses = model(**inputs, tasks=list(inputs["labels"]), num_items=num_items).losses
        for name, loss in losses.items():
            sums[name] = sums.get(name, 0.0) + loss
    return sums


def save_balance(balance: Balance, folder: Path) -> None:
    """Write what a resumed run needs to `balance.safetensors`; nothing for a method that learns nothing."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in balance.state().items()}
    if state:
        save_file(state, folder / STATE_FILE, metadata={"balance": balance.name})


def load_balance(balance: Balance, folder: Path) -> None:
    """Restore what `save_balance` wrote.

    Raises:
        ValueError: The checkpoint was written with another method.
    """
    written, state = None, {}
    if (folder / STATE_FILE).is_file():
        with safe_open(folder / STATE_FILE, framework="pt") as file:
            written = file.metadata()["balance"]
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    expected = balance.name if balance.state() else None
    if written != expected:
        raise ValueError(
            f"{folder.name} was written with balance {written or 'fixed or class_count'}, but this run has "
            f"'{balance.name}'. Resume with the balance it was written with, or start in a new folder."
        )
    balance.load_state(state)
