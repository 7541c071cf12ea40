"""From named parameters to optimizer groups: rates by component, depth, head and pattern; no decay for biases and norms."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from ...modeling.checkpoint_polyhead import BACKBONE_PREFIX
from ..closest_name import suggest_name
from .depth import depth_map
from .lora import base_weights

COMPONENTS = ("embeddings", "backbone", "heads")
HEAD_PREFIX = "polyhead.heads."


def parameter_groups(
    model: nn.Module,
    learning_rate: float,
    weight_decay: float,
    learning_rates: dict[str, float] | None = None,
    layer_decay: float | None = None,
    head_multipliers: dict[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Put every parameter of a polyhead model in exactly one group, frozen ones too.

    A parameter that no group holds would never train, also after it was thawed; one without a gradient costs nothing. Weights
    in whose place adapters learn (LoRA) are in none.

    Args:
        model: The model; its `backbone` decides what counts as embeddings.
        learning_rate: For components that `learning_rates` leaves out.
        weight_decay: For parameters of two and more dimensions; the others have none.
        learning_rates: Rate by component, keys of `COMPONENTS`; without `embeddings` they take the backbone's. Other keys are
            patterns on parameter names (`backbone.encoder.*.attention.*`); a later pattern wins over an earlier one, and any
            pattern over components and depth.
        layer_decay: The backbone's top layer learns at the backbone's rate, each layer below at this share of the one above,
            the embeddings at the share below the lowest layer, unless they have a rate of their own.
        head_multipliers: Factor on the heads' rate, by task.

    Returns:
        Groups for a `torch.optim` optimizer, each with a `name` such as `heads`, `layers.3` or `heads_no_decay`.

    Raises:
        ValueError: A pattern or a task matches nothing; the message gives the closest names.

    Source:
        Layer-wise decay as in https://arxiv.org/abs/2006.05987, section 3.
    """
    rates = _Rates(model, learning_rate, learning_rates or {}, layer_decay, head_multipliers or {})
    groups: dict[str, dict[str, Any]] = {}
    for name, parameter in _learning(model):
        label, rate = rates.of(name)
        has_decay = parameter.ndim >= 2
        group = groups.setdefault(
            label if has_decay else f"{label}_no_decay",
            {"params": [], "lr": rate, "weight_decay": weight_decay if has_decay else 0.0},
        )
        group["params"].append(parameter)
    return [{"name": name, **group} for name, group in groups.items()]


def component_rates(groups: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Return the present rate of each group of parameters, with and without decay as one, for logs; 0 when it is frozen."""
    rates: dict[str, float] = {}
    for group in groups:
        key = f"lr/{group['name'].removesuffix('_no_decay')}"
        is_trained = any(parameter.requires_grad for parameter in group["params"])
        rates[key] = max(rates.get(key, 0.0), group["lr"] if is_trained else 0.0)
    return rates


def _learning(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    never = base_weights(model)
    return [(name, parameter) for name, parameter in model.named_parameters() if name not in never]


class _Rates:
    """Which group a parameter belongs to, and its rate."""

    def __init__(
        self,
        model: Any,
        learning_rate: float,
        given: dict[str, float],
        layer_decay: float | None,
        head_multipliers: dict[str, float],
    ) -> None:
        names = [name for name, _ in _learning(model)]
        self.patterns = {key: rate for key, rate in given.items() if key not in COMPONENTS}
        for pattern in self.patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                hint = suggest_name(pattern, [*COMPONENTS, *names])
                raise ValueError(f"learning_rates '{pattern}' matches no parameter; {hint}.")
        for task in head_multipliers:
            if not any(name.startswith(f"{HEAD_PREFIX}{task}.") for name in names):
                heads = [task.name for task in model.config.tasks]
                raise ValueError(f"head_multipliers '{task}' is no head; {suggest_name(task, heads)}.")
        self.backbone = given.get("backbone", learning_rate)
        self.heads = given.get("heads", learning_rate)
        self.embeddings = given.get("embeddings", None if layer_decay is not None else self.backbone)
        self.embeddings_prefix = _embeddings_prefix(model)
        self.layer_decay = layer_decay
        self.head_multipliers = head_multipliers
        self.depths = depth_map(model) if layer_decay is not None else {}
        self.top = model.config.num_hidden_layers

    def of(self, name: str) -> tuple[str, float]:
        for pattern, rate in reversed(self.patterns.items()):
            if fnmatchcase(name, pattern):
                return pattern, rate
        if not name.startswith(BACKBONE_PREFIX):
            return self._of_head(name)
        if self.embeddings is not None and name.startswith(self.embeddings_prefix):
            return "embeddings", self.embeddings
        if self.layer_decay is None:
            return "backbone", self.backbone
        depth = self.depths[name]
        label = f"layers.{depth - 1}" if depth else "embeddings"
        # What all layers share lies as deep as the embeddings, but need not have the rate that was given for those.
        label = "shared" if not depth and self.embeddings is not None else label
        return label, self.backbone * self.layer_decay ** (self.top - depth)

    def _of_head(self, name: str) -> tuple[str, float]:
        task = name.removeprefix(HEAD_PREFIX).split(".")[0] if name.startswith(HEAD_PREFIX) else ""
        if task in self.head_multipliers:
            return f"heads.{task}", self.heads * self.head_multipliers[task]
        return "heads", self.heads


def _embeddings_prefix(model: Any) -> str:
    table = model.backbone.get_input_embeddings()
    for name, module in model.backbone.named_modules():
        if module is table:
            # The whole first-level module: position and type embeddings and their norm stand beside the words.
            return f"{BACKBONE_PREFIX}{name.split('.')[0]}."
    raise ValueError(f"{type(model.backbone).__name__}.get_input_embeddings() is no module of the backbone.")
