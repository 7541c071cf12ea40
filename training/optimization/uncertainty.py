"""Task weights that are learned as the uncertainty of each task."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from .balance import WeightedBalance

RATE = 0.01  # log variances are numbers of size 1 in every model, so their rate does not follow that of the weights
_GAUSSIAN = ("regression", "pair_similarity")


class UncertaintyBalance(WeightedBalance):
    """Minimise exp(-s) * loss + s / 2 over weights and log variances s, one a task; squared errors count half.

    Gradients on s are written down, not backpropagated: they need the loss of the whole step, over accumulated batches and
    processes, and s / 2 once for each task that has a label in it. A task's `weight` stands before both terms; before the
    loss alone, the learned factor would just cancel it.

    Source:
        Kendall et al., https://arxiv.org/abs/1705.07115, equations 7 to 10.
    """

    name = "uncertainty"

    def __init__(self, model: Any, seed: int) -> None:
        super().__init__(model, seed)
        self.log_variances = {name: nn.Parameter(torch.zeros((), device=model.device)) for name in self.tasks}
        self.scales = {name: 0.5 if task.kind in _GAUSSIAN else 1.0 for name, task in self.tasks.items()}
        self._sums: dict[str, Tensor] = {}

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Forget the losses of a step that was given up, such as one that did not fit into memory."""
        self._sums.clear()

    def combine(self, losses: dict[str, Tensor], total: Tensor) -> Tensor:
        """Return the sum of the losses with the present factors."""
        self.weights = {name: task.weight * self._factor(name) for name, task in self.tasks.items()}
        for name, loss in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + loss.detach().float()
        return super().combine(losses, total)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Give the log variances of the tasks in this step their gradient; after the model's gradients were clipped."""
        sums = torch.stack([torch.as_tensor(self._sums.get(name, 0.0)).to(args.device) for name in self.tasks])
        for (name, log_variance), loss in zip(self.log_variances.items(), self.step.reduce(sums).tolist(), strict=True):
            gradient = self.tasks[name].weight * (0.5 - self._factor(name) * loss)
            log_variance.grad = torch.full_like(log_variance, gradient) if name in self.step.tasks else None

    def groups(self) -> list[dict[str, Any]]:
        """Return one group, without decay."""
        return [{"name": "balance", "params": [*self.log_variances.values()], "lr": RATE, "weight_decay": 0.0}]

    def state(self) -> dict[str, Tensor]:
        """Return the log variances; their moments are in the optimizer."""
        return dict(self.log_variances)

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over log variances."""
        for name, value in state.items():
            self.log_variances[name].data.copy_(value)

    def _factor(self, name: str) -> float:
        return self.scales[name] * math.exp(-self.log_variances[name].item())
