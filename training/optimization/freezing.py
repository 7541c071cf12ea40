"""What is frozen when: a pure function of the step, so that it thaws, resumes and runs on several processes."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from ..closest_name import suggest_name
from .depth import depth_map, num_depths

PARTS = ("everything", "encoder", "backbone", "embeddings", "heads", "heads.<task>", "layers.<n>", "bottom.<n>")
HEADS = "polyhead.heads."  # of parameter names; the rest of `polyhead.` makes the embedding


@dataclass(frozen=True, kw_only=True)
class FreezeRule:
    """One part of the model, frozen from one moment until another.

    Args:
        part: `everything`; `encoder`, all that makes the sentence embedding: the backbone, and what of layer mix, pooling
            and projection has weights; `backbone`; `embeddings`; `heads`, or `heads.topic` for one; `layers.0` for one
            layer of the backbone, counted from below; `bottom.3` for the embeddings and the lowest three layers; or a
            pattern on parameter names, such as `backbone.encoder.*.attention.*`.
        from_epoch: First epoch, fractions allowed, in which the part is frozen; 0: from the start.
        until_epoch: Epoch at which it thaws; None: never.
        from_step: The same in optimizer steps, instead of `from_epoch`.
        until_step: The same in optimizer steps, instead of `until_epoch`.

    Raises:
        ValueError: A moment is given twice, or the end does not lie after the start.
    """

    part: str
    from_epoch: float | None = None
    until_epoch: float | None = None
    from_step: int | None = None
    until_step: int | None = None

    def __post_init__(self) -> None:
        for moment in ("from", "until"):
            if getattr(self, f"{moment}_epoch") is not None and getattr(self, f"{moment}_step") is not None:
                raise ValueError(f"freeze '{self.part}': give {moment}_epoch or {moment}_step, not both.")
        if self.bounds(1.0)[0] >= self.bounds(1.0)[1] and (self.from_step is None) == (self.until_step is None):
            raise ValueError(f"freeze '{self.part}': it must thaw after it was frozen; mend from_... and until_....")

    def bounds(self, steps_per_epoch: float) -> tuple[float, float]:
        """Return the first frozen step and the first step that is not frozen any more."""
        start = self.from_step if self.from_step is not None else (self.from_epoch or 0.0) * steps_per_epoch
        if self.until_step is not None:
            return start, self.until_step
        return start, float("inf") if self.until_epoch is None else self.until_epoch * steps_per_epoch


def freeze_rule(fields: dict[str, Any]) -> FreezeRule:
    """Build a rule from a recipe's item.

    Raises:
        ValueError: A key is unknown or `part` is missing; the message gives the closest name.
    """
    known = [field.name for field in dataclasses.fields(FreezeRule)]
    for key in fields:
        if key not in known:
            raise ValueError(f"freeze: '{key}' is unknown; {suggest_name(key, known)}.")
    if "part" not in fields:
        raise ValueError(f"freeze: {fields} has no 'part'; name one: {', '.join(PARTS)}, or a pattern on names.")
    return FreezeRule(**fields)


def gradual_unfreezing(
    model: Any, every_epochs: float | None = None, every_steps: int | None = None
) -> list[FreezeRule]:
    """Thaw the backbone from the top down: the heads train from the start, the top layer after one interval, and so on.

    Args:
        model: A `PolyheadModel`.
        every_epochs: The interval in epochs, fractions allowed.
        every_steps: The interval in optimizer steps, instead.

    Raises:
        ValueError: None or both of the intervals were given.

    Source:
        ULMFiT, https://arxiv.org/abs/1801.06146, section 3.3.
    """
    if (every_epochs is None) == (every_steps is None):
        raise ValueError("gradual unfreezing needs an interval: give thaw_every_epochs or thaw_every_steps.")
    depths = sorted(set(depth_map(model).values()) - {num_depths(model) - 1}, reverse=True)
    rules = []
    for turn, depth in enumerate(depths, start=1):
        part = "embeddings" if depth == 0 else f"layers.{depth - 1}"
        if every_epochs is not None:
            rules.append(FreezeRule(part=part, until_epoch=turn * every_epochs))
        else:
            rules.append(FreezeRule(part=part, until_step=turn * (every_steps or 0)))
    return rules


def parameters_of(model: Any, part: str) -> list[str]:
    """Return the names of the parameters that a part of `FreezeRule` names.

    Raises:
        ValueError: It names none; the message gives the closest names.
    """
    names = [name for name, _ in model.named_parameters()]
    kind, _, which = part.partition(".")
    chosen: Iterable[str]
    if part == "everything":
        chosen = names
    elif part == "encoder":
        chosen = (name for name in names if not name.startswith(HEADS))
    elif part == "backbone":
        chosen = (name for name in names if name.startswith("backbone."))
    elif part == "heads" or kind == "heads":
        prefix = f"{HEADS}{which}." if which else "polyhead."
        chosen = (name for name in names if name.startswith(prefix))
    elif part == "embeddings" or (kind in ("layers", "bottom") and which.isdigit()):
        depths = depth_map(model)
        chosen = (name for name in names if _lies_in(depths[name], kind, which, num_depths(model)))
    else:
        chosen = (name for name in names if fnmatchcase(name, part))
    found = list(chosen)
    if not found and kind in ("layers", "bottom") and which.isdigit():
        last = num_depths(model) - 2
        known = f"bottom.0 to bottom.{last}" if kind == "bottom" else f"layers.0 to layers.{last - 1}"
        raise ValueError(f"freeze '{part}' matches no parameter: this model has {known}.")
    if not found:
        hint = suggest_name(part, [*PARTS, *names])
        raise ValueError(
            f"freeze '{part}' matches no parameter; {hint}. Parts are {', '.join(PARTS)}, or a pattern on names."
        )
    return found


def frozen_parameters(
    parts: Sequence[tuple[FreezeRule, list[str]]], step: int, steps_per_epoch: float
) -> frozenset[str]:
    """Return the names that are frozen at a step.

    Args:
        parts: Rules, each with its `parameters_of`.
        step: Optimizer steps done before.
        steps_per_epoch: To turn epochs into steps.
    """
    frozen: set[str] = set()
    for rule, names in parts:
        start, end = rule.bounds(steps_per_epoch)
        if start <= step < end:
            frozen.update(names)
    return frozenset(frozen)


def frozen_modules(model: nn.Module) -> list[nn.Module]:
    """Return the outermost modules whose parameters are all frozen."""
    outermost: list[nn.Module] = []
    parameters = list(model.parameters())
    if parameters and not any(parameter.requires_grad for parameter in parameters):
        return [model]
    for child in model.children():
        outermost += frozen_modules(child)
    return outermost


def _lies_in(depth: int, kind: str, which: str, depths: int) -> bool:
    if kind == "embeddings":
        return depth == 0
    if kind == "layers":
        return depth == int(which) + 1 < depths - 1
    return depth <= int(which) < depths - 1
