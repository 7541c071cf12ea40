"""From named parameters to optimizer groups: one rate per component, no decay for biases and norms."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from ..modeling.checkpoint_polyhead import BACKBONE_PREFIX

COMPONENTS = ("embeddings", "backbone", "heads")


def parameter_groups(
    model: nn.Module, learning_rate: float, weight_decay: float, learning_rates: dict[str, float] | None = None
) -> list[dict[str, Any]]:
    """Put every parameter of a polyhead model in exactly one group, frozen ones too.

    A parameter that no group holds would never train, also after it was thawed; one without a gradient costs nothing.

    Args:
        model: The model; its `backbone` decides what counts as embeddings.
        learning_rate: For components that `learning_rates` leaves out.
        weight_decay: For parameters of two and more dimensions; the others have none.
        learning_rates: Rate by component, keys of `COMPONENTS`; without `embeddings` they take the backbone's.

    Returns:
        Groups for a `torch.optim` optimizer, each with a `name` such as `heads` or `heads_no_decay`.
    """
    given = learning_rates or {}
    rates = {
        "embeddings": given.get("embeddings", given.get("backbone", learning_rate)),
        "backbone": given.get("backbone", learning_rate),
        "heads": given.get("heads", learning_rate),
    }
    embeddings = _embeddings_prefix(model)
    groups: dict[str, dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        component = _component(name, embeddings)
        has_decay = parameter.ndim >= 2
        group = groups.setdefault(
            component if has_decay else f"{component}_no_decay",
            {"params": [], "lr": rates[component], "weight_decay": weight_decay if has_decay else 0.0},
        )
        group["params"].append(parameter)
    return [{"name": name, **group} for name, group in groups.items()]


def component_rates(groups: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Return the present rate of each component, for logs."""
    return {f"lr/{group['name']}": group["lr"] for group in groups if not group["name"].endswith("_no_decay")}


def _component(name: str, embeddings: str) -> str:
    if name.startswith(embeddings):
        return "embeddings"
    return "backbone" if name.startswith(BACKBONE_PREFIX) else "heads"


def _embeddings_prefix(model: Any) -> str:
    table = model.backbone.get_input_embeddings()
    for name, module in model.backbone.named_modules():
        if module is table:
            # The whole first-level module: position and type embeddings and their norm stand beside the words.
            return f"{BACKBONE_PREFIX}{name.split('.')[0]}."
    raise ValueError(f"{type(model.backbone).__name__}.get_input_embeddings() is no module of the backbone.")
