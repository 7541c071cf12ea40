"""What thaws warms up again: its rate rises from 0, by a factor that the step alone decides."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from transformers import TrainerCallback

from .freeze_callback import steps_per_epoch
from .freezing import FreezeRule, parameters_of

Groups = list[dict[str, Any]]


def thaw_factor(rules: Iterable[FreezeRule], step: int, steps_per_epoch: float, warmup_steps: int) -> float:
    """Return the factor on a scheduled rate at a step, in [0, 1].

    It is 0 while any rule holds and at the first step after it, as in the warm-up of a whole run, and 1 where nothing was
    ever frozen.

    Args:
        rules: Those that name the parameter.
        step: Optimizer steps done before.
        steps_per_epoch: To turn epochs into steps.
        warmup_steps: Steps from 0 to the scheduled rate.

    Example:
        >>> rule = FreezeRule(part="backbone", until_step=10)
        >>> [thaw_factor([rule], step, 100, 4) for step in (9, 10, 11, 14, 20)]
        [0.0, 0.0, 0.25, 1.0, 1.0]
    """
    bounds = [rule.bounds(steps_per_epoch) for rule in rules]
    if any(start <= step < end for start, end in bounds):
        return 0.0
    past = [(math.ceil(start), math.ceil(end)) for start, end in bounds if end <= step]
    thawed = max((end for start, end in past if start < end), default=-math.inf)
    return min(1.0, (step - thawed) / warmup_steps)


def split_by_thaw(model: Any, groups: Groups, rules: Sequence[FreezeRule]) -> Groups:
    """Split the groups whose parameters thaw at different moments, so that each can have a rate of its own.

    Args:
        model: A `PolyheadModel`.
        groups: As `parameter_groups` makes them.
        rules: All rules of the run.

    Returns:
        Groups in the same order; the parts of a split one are called `backbone:layers.1`, by what thaws, and what never
        freezes keeps the name.
    """
    found = _thaws(model, rules)
    result = []
    for group in groups:
        members: dict[tuple[str, ...], list[Any]] = {}
        for parameter in group["params"]:
            key = tuple(dict.fromkeys(rule.part for rule in found.get(id(parameter), [])))
            members.setdefault(key, []).append(parameter)
        for parts, parameters in members.items():
            name = _split_name(group["name"], parts) if len(members) > 1 else group["name"]
            result.append({**group, "name": name, "params": parameters})
    return result


def group_thaws(model: Any, groups: Iterable[dict[str, Any]], rules: Sequence[FreezeRule]) -> list[list[FreezeRule]]:
    """Return, group by group, the rules that name its parameters and have an end."""
    found = _thaws(model, rules)
    return [found.get(id(group["params"][0]), []) for group in groups]


def num_warmup_steps(thaw_warmup_steps: float, max_steps: int) -> int:
    """Turn a share of all steps, below 1, into steps; at least one."""
    return max(1, math.ceil(thaw_warmup_steps * (max_steps if thaw_warmup_steps < 1 else 1)))


class ThawWarmupCallback(TrainerCallback):
    """Let the rate of what has thawed rise from 0, whatever the scheduler does.

    The rate is lowered for the length of a step and then put back, so the scheduler finds its own values, and a checkpoint
    holds them.

    Args:
        *rules: Those of the `FreezeCallback`; the optimizer's groups must be `split_by_thaw`.
        warmup_steps: As the training argument `thaw_warmup_steps`; above 0.
    """

    def __init__(self, *rules: FreezeRule, warmup_steps: float) -> None:
        self.rules = rules
        self.warmup_steps = warmup_steps
        self._thaws: list[list[FreezeRule]] = []
        self._scheduled: list[float] = []

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, optimizer: Any = None, **kwargs: Any
    ) -> None:
        """Find out which rules speak of which group."""
        self._thaws = group_thaws(model, optimizer.param_groups, self.rules)

    def on_step_begin(self, args: Any, state: Any, control: Any, optimizer: Any = None, **kwargs: Any) -> None:
        """Lower the rates of this step."""
        per_epoch = steps_per_epoch(args, state, **kwargs)
        length = num_warmup_steps(self.warmup_steps, state.max_steps)
        self._scheduled = [group["lr"] for group in optimizer.param_groups]
        for group, rules in zip(optimizer.param_groups, self._thaws, strict=True):
            group["lr"] = group["lr"] * thaw_factor(rules, state.global_step, per_epoch, length)

    def on_optimizer_step(self, args: Any, state: Any, control: Any, optimizer: Any = None, **kwargs: Any) -> None:
        """Put the scheduled rates back."""
        for group, rate in zip(optimizer.param_groups, self._scheduled, strict=True):
            group["lr"] = rate


def _thaws(model: Any, rules: Sequence[FreezeRule]) -> dict[int, list[FreezeRule]]:
    """By identity of a parameter: the rules that name it and have an end."""
    parameters = dict(model.named_parameters())
    found: dict[int, list[FreezeRule]] = {}
    for rule in rules:
        if rule.until_step is not None or rule.until_epoch is not None:
            for name in parameters_of(model, rule.part):
                found.setdefault(id(parameters[name]), []).append(rule)
    return found


def _split_name(name: str, parts: tuple[str, ...]) -> str:
    base = name.removesuffix("_no_decay")
    return f"{base}:{'+'.join(parts)}{name[len(base) :]}" if parts else name
