"""Where a model computes, and in which numbers."""

from enum import Enum
from typing import Any

import typer


class Dtype(str, Enum):
    """Numbers that a model computes in."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FASTEST = "fastest"


def place(model: Any, dtype: Dtype | None) -> None:
    """Put a model on the accelerator, where there is one, and into other numbers, where they are asked for.

    Args:
        model: A `PolyheadModel`.
        dtype: `FASTEST`: bfloat16 where the hardware multiplies it, else float32, and says which; None: as the model is.
    """
    import torch

    from .training.processor import processor_has_bfloat16

    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    model.to(accelerator or "cpu")
    if dtype is Dtype.FASTEST:
        is_fast = processor_has_bfloat16() if accelerator is None else _accelerator_has_bfloat16(accelerator.type)
        dtype = Dtype.BFLOAT16 if is_fast else Dtype.FLOAT32
        reason = "multiplies bfloat16" if is_fast else "has no arithmetic for bfloat16"
        typer.echo(f"dtype: {dtype.value}; this {accelerator or 'processor'} {reason}", err=True)
    if dtype is not None:
        model.to(getattr(torch, dtype.value))


def _accelerator_has_bfloat16(device_type: str) -> bool:
    import torch

    # Older NVIDIA cards take bfloat16 and turn it into float32 on the way.
    return device_type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
