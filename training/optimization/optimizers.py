"""The optimizer that `optim` names, over groups of ours."""

from typing import Any

import torch
from torch import nn
from transformers import Trainer


def build_optimizer(groups: list[dict[str, Any]], args: Any, model: nn.Module) -> torch.optim.Optimizer:
    """Build what `args.optim` names; the default is AdamW in its fused form, the fastest, also on the CPU.

    Args:
        groups: As `parameter_groups` makes them.
        args: Training arguments.
        model: Some optimizers look at it.

    Raises:
        ValueError: Its package is missing, an option is wrong, or it makes groups of its own.
    """
    name = getattr(args.optim, "value", args.optim)
    try:
        optimizer_class, options = Trainer.get_optimizer_cls_and_kwargs(args, model)
        if not (isinstance(optimizer_class, type) and issubclass(optimizer_class, torch.optim.Optimizer)) or (
            {"params", "model", "optimizer_dict"} & set(options)
        ):
            raise ValueError("it groups the parameters by itself, so rates by part and freezing would not hold.")
        return optimizer_class(groups, **options)
    except (ImportError, ValueError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"optim '{name}' cannot be used: {' '.join(str(error).split())} Install what it needs, correct optim_args, or "
            "take another, such as `optim: adamw_torch_fused`."
        ) from error
