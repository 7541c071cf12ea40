"""How deep a parameter lies: embeddings 0, layer i of the backbone i + 1, heads on top, for any architecture."""

from typing import Any

from torch import nn

from ...modeling.checkpoint_polyhead import BACKBONE_PREFIX


def depth_map(model: Any) -> dict[str, int]:
    """Return the depth of every parameter, read from the module tree.

    The layers are the backbone's longest list of modules that fits its number of layers. What all layers share (relative
    positions, ALBERT's widening) counts as the embeddings, since it acts from the lowest layer on; what follows the layers
    (a last norm, a pooler) counts as the top layer. ALBERT uses one group of weights at many depths: its depth is the
    highest.

    Args:
        model: A `PolyheadModel`.

    Returns:
        By parameter name: 0 for embeddings, 1 to `num_layers` for layers, `num_layers + 1` for everything of ours.

    Raises:
        ValueError: The backbone has no list of layers.
    """
    backbone = model.backbone
    path, layers = find_layers(backbone, model.config.num_hidden_layers)
    top = model.config.num_hidden_layers
    children = [name for name, _ in backbone.named_children()]
    above = set(children[children.index(path.split(".")[0]) + 1 :])
    depths = {}
    for name, _ in model.named_parameters():
        inner = name.removeprefix(BACKBONE_PREFIX)
        if inner == name:
            depths[name] = top + 1
        elif inner.startswith(path + "."):
            position = int(inner[len(path) + 1 :].split(".")[0])
            depths[name] = (position + 1) * top // len(layers)
        else:
            depths[name] = top if inner.split(".")[0] in above else 0
    return depths


def num_depths(model: Any) -> int:
    """Number of different depths: embeddings, each layer, and the heads."""
    return model.config.num_hidden_layers + 2


def find_layers(backbone: nn.Module, num_layers: int) -> tuple[str, nn.ModuleList]:
    """Return the backbone's list of layers and its path; it is shorter than `num_layers` where layers share weights.

    Raises:
        ValueError: There is none.
    """
    fitting = [
        (name, module)
        for name, module in backbone.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) and num_layers % len(module) == 0
    ]
    # ALBERT nests a list of one inside its groups: the outermost comes first, and length decides before that.
    if not fitting:
        raise ValueError(
            f"{type(backbone).__name__} has no list of {num_layers} layers, so depths are unknown. Give rates by component "
            "(learning_rates) instead of layer_decay, and freeze by parameter patterns."
        )
    return max(fitting, key=lambda item: len(item[1]))
