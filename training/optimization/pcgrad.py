"""Gradients of tasks that pull in opposite directions, each without the part that another contradicts."""

from typing import Any

import torch
from torch import Tensor, nn

from .balance import Balance
from .gradient_row import gradient_row
from .parameter_groups import HEAD_PREFIX


class PCGradBalance(Balance):
    """Project each task's gradient off those that it conflicts with, then sum; on what the tasks share, not on heads.

    It works on whole steps: gradients are summed over accumulated batches and processes, by task, which takes a backward
    pass for each task of a batch and memory for one gradient a task. The order in which a gradient meets the others is
    drawn from seed and step, so it resumes.

    Source:
        PCGrad, https://arxiv.org/abs/2001.06782, algorithm 1.
    """

    name = "pcgrad"

    def __init__(self, model: Any, seed: int) -> None:
        super().__init__(model, seed)
        self.seed = seed
        self.named_parameters: list[tuple[str, nn.Parameter]] = list(model.named_parameters())
        self._gradients: dict[str, Tensor] = {}  # of the shared parameters, in one row, by task

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Forget the gradients of a step that was given up, such as one that did not fit into memory."""
        self._gradients.clear()

    def combine(self, losses: dict[str, Tensor], total: Tensor) -> Tensor:
        """Return a loss whose gradients are those of `total`; the part of each task was kept on the way."""
        weighed = {name: self.tasks[name].weight * loss for name, loss in losses.items() if loss.requires_grad}
        if len(self.step.tasks) == 1 or not weighed:
            return total
        last = next(reversed(weighed))
        # Whatever is connected to `total` alone gets its zeros here: processes wait for each other's gradients.
        weighed[last] = weighed[last] + total * 0.0
        trainable = [(name, parameter) for name, parameter in self.named_parameters if parameter.requires_grad]
        parameters = [parameter for _, parameter in trainable]
        shared = [place for place, (name, _) in enumerate(trainable) if not _is_head(name)]
        sums: list[Tensor | None] = [None] * len(parameters)
        for task, loss in weighed.items():
            found = torch.autograd.grad(loss, parameters, retain_graph=task != last, allow_unused=True)
            self._keep(task, gradient_row([parameters[place] for place in shared], [found[place] for place in shared]))
            sums = [_plus(before, gradient) for before, gradient in zip(sums, found, strict=True)]
        reached = [(parameter, known) for parameter, known in zip(parameters, sums, strict=True) if known is not None]
        value: Tensor = _KnownGradients.apply(total.detach(), [known for _, known in reached], *[p for p, _ in reached])
        return value

    def gradients_ready(self) -> None:
        """Put the projected sum in place of the plain one."""
        shared = [
            parameter for name, parameter in self.named_parameters if parameter.requires_grad and not _is_head(name)
        ]
        names = self.step.tasks
        if len(names) < 2 or not shared:
            self.weights = {name: self.tasks[name].weight for name in names}
            return
        none = torch.zeros(sum(parameter.numel() for parameter in shared), device=shared[0].device)
        rows = self.step.reduce(torch.stack([self._gradients.pop(name, none) for name in names]))  # (tasks, numbers)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.step.number)
        factors = projected_factors(rows @ rows.T, generator)
        self.weights = {
            name: self.tasks[name].weight * factor for name, factor in zip(names, factors.tolist(), strict=True)
        }
        parts = (factors.to(rows) @ rows).split([parameter.numel() for parameter in shared])
        for parameter, part in zip(shared, parts, strict=True):
            if parameter.grad is not None:
                parameter.grad.copy_(part.view_as(parameter))

    def _keep(self, task: str, row: Tensor) -> None:
        self._gradients[task] = self._gradients[task] + row if task in self._gradients else row


def projected_factors(products: Tensor, generator: torch.Generator) -> Tensor:
    """Return the factors with which the tasks' gradients enter the sum of the projected ones.

    A projected gradient is a sum of gradients again, so the inner products are all that it takes.

    Args:
        products: Inner products of the tasks' gradients, shape (tasks, tasks).
        generator: Draws the order in which each gradient meets the others.

    Returns:
        Shape (tasks,), float64, on the CPU; ones where no two gradients conflict.

    >>> projected_factors(torch.tensor([[1.0, -1.0], [-1.0, 4.0]]), torch.Generator())  # (1, 0) and (-1, sqrt(3))
    tensor([2.0000, 1.2500], dtype=torch.float64)
    """
    products = products.double().cpu()
    mixed = torch.eye(len(products), dtype=torch.float64)  # row i: gradient i as a sum of all
    for position, row in enumerate(mixed):
        for other in torch.randperm(len(products), generator=generator).tolist():
            product = row @ products[other]
            if other != position and product < 0:
                row[other] -= product / products[other, other]
    return mixed.sum(0)


class _KnownGradients(torch.autograd.Function):
    """A value whose gradients on parameters are known already; DDP sees an ordinary backward pass."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, known: list[Tensor], *parameters: Tensor) -> Tensor:
        ctx.known = known
        return value.clone()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> Any:
        return None, None, *[known * upstream for known in ctx.known]


def _is_head(name: str) -> bool:
    return name.startswith(HEAD_PREFIX)


def _plus(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    if first is None or second is None:
        return second if first is None else first
    return first + second
