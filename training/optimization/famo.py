"""Task weights that let all losses fall at the same speed, in proportion to their size."""

from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .balance import WeightedBalance

RATE, DECAY = 0.025, 0.01  # of the logits, as the authors publish
_SMALLEST = 1e-8


class FamoBalance(WeightedBalance):
    """Weight losses by z / loss, where z is a softmax over logits that rise for tasks that improve least.

    How much a step improved a task is measured: the same batches once more, with the same dropout, after the step. When a
    step has several batches, they are also read once before it, because the weights depend on the loss of the whole step.
    Two things go beyond the paper: a task without a label in the step counts with what was last seen of it, and its logit
    rests; and the weights of the tasks seen so far have mean 1, not sum 1, so that learning rates keep their meaning.

    Source:
        FAMO, https://arxiv.org/abs/2306.03792, algorithm 1; Adam on the logits as in the authors' code.
    """

    name = "famo"

    def __init__(self, model: Any, seed: int) -> None:
        super().__init__(model, seed)
        self.device = model.device
        self.logits = {name: nn.Parameter(torch.zeros((), dtype=torch.float64)) for name in self.tasks}
        self.optimizer = torch.optim.Adam(self.logits.values(), lr=RATE, weight_decay=DECAY)
        # By task, when it last had labels: its loss before that step, and by how much log(loss) fell in it.
        self.losses: dict[str, float] = {}
        self.gains: dict[str, float] = {}
        self._random = _RandomState()

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure the losses of a step of several batches; one batch has them as it is learned."""
        self._random = _RandomState()
        if self.step.num_batches > 1:
            self._begin(self._measure())

    def combine(self, losses: dict[str, Tensor], total: Tensor) -> Tensor:
        """Return the sum of the losses with the weights of this step."""
        if self.step.num_batches == 1:
            self._begin({name: loss.detach() for name, loss in losses.items()})
        return super().combine(losses, total)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure what the step has changed and move the logits of the tasks in it."""
        after = self._sum(self._measure())
        for name, loss in after.items():
            before = torch.tensor(self.losses[name] + _SMALLEST, dtype=torch.float64)
            self.gains[name] = (before / (loss + _SMALLEST)).log().item()
        seen = self._in_order(self.gains)
        shares = self._shares(seen)
        gains = torch.tensor([self.gains[name] for name in seen], dtype=torch.float64)
        slopes = shares * (gains - (shares * gains).sum())  # Jacobian of the softmax times the gains
        for name, slope in zip(seen, slopes, strict=True):
            self.logits[name].grad = slope.clone() if name in after else None
        self.optimizer.step()

    def state(self) -> dict[str, Tensor]:
        """Return logits, their moments, and what was last seen of each task."""
        state: dict[str, Tensor] = {f"logit/{name}": logit for name, logit in self.logits.items()}
        for name, logit in self.logits.items():
            state |= {f"{key}/{name}": value for key, value in self.optimizer.state[logit].items()}
        for kind, values in (("loss", self.losses), ("gain", self.gains)):
            state |= {f"{kind}/{name}": torch.tensor(value, dtype=torch.float64) for name, value in values.items()}
        return state

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` gave."""
        self.losses, self.gains = {}, {}
        for key, value in state.items():
            kind, _, name = key.partition("/")
            if kind == "logit":
                self.logits[name].data.copy_(value)
            elif kind in ("loss", "gain"):
                (self.losses if kind == "loss" else self.gains)[name] = value.item()
            else:
                self.optimizer.state[self.logits[name]][kind] = value.clone()

    def _begin(self, losses: dict[str, Tensor]) -> None:
        self.losses |= self._sum(losses)
        seen = self._in_order(self.losses)
        ratios = self._shares(seen) / (torch.tensor([self.losses[name] for name in seen]).double() + _SMALLEST)
        factors = (len(seen) * ratios / ratios.sum()).tolist()
        self.weights = {name: self.tasks[name].weight * factor for name, factor in zip(seen, factors, strict=True)}

    def _in_order(self, names: Container[str]) -> list[str]:
        # Not as they were first seen: sums of a resumed run would differ in their last bit.
        return [name for name in self.tasks if name in names]

    def _shares(self, names: list[str]) -> Tensor:
        return torch.stack([self.logits[name].detach() for name in names]).softmax(0) if names else torch.zeros(0)

    def _measure(self) -> dict[str, Tensor]:
        with self._random.replayed():
            return self.step.measure()

    def _sum(self, losses: dict[str, Tensor]) -> dict[str, float]:
        """Add up over processes, for the tasks of the step."""
        names = list(self.step.tasks or losses)
        if not names:
            return {}
        nothing = torch.zeros((), device=self.device)
        sums = self.step.reduce(torch.stack([losses.get(name, nothing).float() for name in names]))
        return dict(zip(names, sums.tolist(), strict=True))


class _RandomState:
    """Where torch's random numbers stand now, to draw the same ones again."""

    def __init__(self) -> None:
        self.on_cpu = torch.get_rng_state()
        self.on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []

    @contextmanager
    def replayed(self) -> Iterator[None]:
        with torch.random.fork_rng(devices=range(len(self.on_gpus))):
            torch.set_rng_state(self.on_cpu)
            if self.on_gpus:
                torch.cuda.set_rng_state_all(self.on_gpus)
            yield
