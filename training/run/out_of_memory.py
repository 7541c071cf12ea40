"""Memory that runs out while a model trains, told by batch, length and tasks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def tell_out_of_memory(trainer: Any) -> Iterator[None]:
    """Say of what size the batch was for which memory did not suffice.

    Args:
        trainer: A `PolyheadTrainer`, which keeps its `last_batch`, and whether it `is_measuring`.

    Raises:
        MemoryError: In place of whatever torch raised; the message says what to lower.
    """
    trainer.is_measuring = False
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        reason = str(error).strip().split("\n")[0] or "no more was said"
        moment = _measuring(trainer) if trainer.is_measuring else _training(trainer)
        raise MemoryError(f"memory ran out {moment} Checkpoints already written are sound. Said: {reason}") from error


def is_out_of_memory(error: Exception) -> bool:
    """Say whether an error is about memory: only CUDA and Python have a type for it."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and ("can't allocate memory" in said or "out of memory" in said)


def _training(trainer: Any) -> str:
    step = f"in training step {trainer.state.global_step + 1}"
    remedy = (
        "Lower train.per_device_train_batch_size (train.gradient_accumulation_steps makes up for it) or "
        "train.batch_sizes, or model.max_length."
    )
    batch = trainer.last_batch
    if batch is None:
        return f"{step}, before its batch was read. {remedy}"
    shapes = [batch[name].shape for name in ("input_ids", "pair_input_ids") if name in batch]
    num_rows, longest = shapes[0][0], max(shape[1] for shape in shapes)
    rows = "1 row" if num_rows == 1 else f"{num_rows} rows"
    return f"{step}, for a batch of {rows}, the longest of {longest} tokens, of tasks {', '.join(batch['labels'])}. {remedy}"


def _measuring(trainer: Any) -> str:
    return f"after training step {trainer.state.global_step}, while measuring. Lower model.max_length."
