"""The gradient of one task on many parameters, as one row that can be compared with another task's."""

from collections.abc import Sequence

import torch
from torch import Tensor


def gradient_row(parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> Tensor:
    """Return gradients one behind the other, shape (numbers,), float32; zeros where the task does not reach a parameter."""
    found = [
        (torch.zeros_like(parameter) if gradient is None else gradient).flatten().float()
        for parameter, gradient in zip(parameters, gradients, strict=True)
    ]
    return torch.cat(found) if found else torch.zeros(0)
