"""A tensor in a file that is gone when the process ends."""

import os
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


def mapped_tensor(shape: tuple[int, int], dtype: torch.dtype, folder: Path) -> Tensor:
    """Return a tensor whose numbers lie in a file without a name; the system keeps in memory what of it is in use.

    Args:
        shape: Of the tensor.
        dtype: Of the tensor.
        folder: Made where it does not exist.

    Raises:
        ValueError: There is no room for it.
    """
    size = shape[0] * shape[1] * dtype.itemsize
    if not size:
        return torch.empty(shape, dtype=dtype)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            _reserve(file.fileno(), size)
        except OSError as error:
            wanted = f"{size / 1e9:.3g} GB of frozen states do not fit on the disk of {folder} ({error.strerror})"
            raise ValueError(f"{wanted}; lower frozen_cache_gb, or choose a folder on another disk.") from error
        numbers = np.memmap(file, dtype=np.uint8, mode="r+", shape=(size,))
    return torch.from_numpy(numbers).view(dtype).view(shape)


def _reserve(file: int, size: int) -> None:
    # All of it now, where the system can: a disk that fills up under a mapped file ends the process without a word.
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)
