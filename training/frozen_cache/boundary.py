"""Up to where a model's activations are a constant of the text."""

from collections.abc import Collection
from typing import Any

from ..optimization.depth import depth_map, find_layers


def num_constant_layers(model: Any, frozen: Collection[str]) -> int:
    """Return how many of the backbone's lowest layers give the same for a text at every step.

    Args:
        model: A `PolyheadModel` whose frozen parts have no dropout.
        frozen: Names of the parameters that do not train, as rules name them: where adapters learn in the place of weights,
            nothing is constant.

    Returns:
        0: none, or none that could be left out. `num_hidden_layers`: all, and what follows them in the backbone.
    """
    depths = {name: depth for name, depth in depth_map(model).items() if name not in frozen}
    num_layers = model.config.num_hidden_layers
    lowest = min(depths.values(), default=num_layers + 1)
    if lowest == num_layers + 1:
        return num_layers
    if model.polyhead.layer_mix is not None:  # it reads layers that would be left out
        return 0
    _, layers = find_layers(model.backbone, num_layers)
    is_shared = len(layers) != num_layers  # ALBERT: the same layer runs at every depth
    return 0 if is_shared else max(lowest - 1, 0)
