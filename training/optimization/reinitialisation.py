"""New weights for the backbone's top layers, which are the most bound to what it was pretrained for."""

from typing import Any

import torch
from torch import nn
from transformers import TrainerCallback

from .depth import depth_map
from .lora import has_lora


class ReinitCallback(TrainerCallback):
    """Re-initialise the top layers before the first step; a resumed run finds them in its checkpoint.

    Args:
        num_layers: How many, as in `top_modules`.
    """

    def __init__(self, num_layers: int) -> None:
        self.num_layers = num_layers

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Draw the new weights, on every process the same."""
        if state.global_step == 0:
            reinitialise(model, self.num_layers, args.seed)


def reinitialise(model: Any, num_layers: int, seed: int) -> None:
    """Draw the top layers anew, by the backbone's own `_init_weights`, in place.

    Args:
        model: A `PolyheadModel`.
        num_layers: As in `top_modules`.
        seed: It alone decides the weights; the run's own random numbers go on as they would have.

    Source:
        https://arxiv.org/abs/2006.05987, section 4.
    """
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        for top in top_modules(model, num_layers):
            for weight in top.parameters():
                vars(weight).pop(
                    "_is_hf_initialized", None
                )  # what was loaded bears this mark, and would be passed over
            top.apply(model.backbone._init_weights)  # children first: a block may correct what its parts have drawn


def top_modules(model: Any, num_layers: int) -> list[nn.Module]:
    """Return the backbone's top layers and what follows them (a last norm, a pooler).

    Args:
        model: A `PolyheadModel`.
        num_layers: From the top, 1 to all.

    Raises:
        ValueError: There are not so many layers, the layers share their weights, or adapters learn in their place.
    """
    top = model.config.num_hidden_layers
    depths = depth_map(model)
    if not 1 <= num_layers <= top:
        raise ValueError(f"reinit_top_layers: {num_layers} came, but the backbone has {top} layers; give 1 to {top}.")
    if has_lora(model):
        raise ValueError("reinit_top_layers: with LoRA the backbone's own weights do not learn; leave one of both out.")
    if len({depth for depth in depths.values() if 1 <= depth <= top}) < top:
        raise ValueError(
            f"reinit_top_layers: {type(model.backbone).__name__} shares weights between its {top} layers, so a new top layer "
            "would be new below as well. Leave it out, or take another backbone."
        )
    chosen = {name for name, depth in depths.items() if top - num_layers < depth <= top}
    return _outermost(model, "", chosen)


def _outermost(module: nn.Module, path: str, chosen: set[str]) -> list[nn.Module]:
    names = {path + name for name, _ in module.named_parameters()}
    if names and names <= chosen:
        return [module]
    return [found for name, child in module.named_children() for found in _outermost(child, f"{path}{name}.", chosen)]
