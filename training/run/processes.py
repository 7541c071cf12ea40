"""Several processes, one model: what `torchrun` and `accelerate launch` start."""

import os

import torch
from transformers.utils import logging

logger = logging.get_logger(__name__)


def is_one_of_several() -> bool:
    """Whether a launcher has started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_first_process() -> bool:
    """Whether this process is the one that prints and writes."""
    return int(os.environ.get("RANK", "0")) == 0


def needs_cpu() -> bool:
    """Whether training must be told to use the CPU.

    Without that word, accelerate looks for devices that are not there, finds none, and each process would train a model of
    its own, all in one folder.
    """
    return is_one_of_several() and not torch.accelerator.is_available()


def warn_if_alone() -> None:
    """Warn where `accelerate launch --cpu` was asked for several processes: it starts one, without a word."""
    environment = os.environ
    is_on_cpu = environment.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true")
    if is_on_cpu and "MASTER_PORT" in environment and "WORLD_SIZE" not in environment:
        logger.warning(
            "`accelerate launch --cpu` has started one process only. For several on the CPU: torchrun --nproc_per_node N, or "
            "accelerate launch --multi_gpu --num_processes N, which needs no GPU."
        )


def leave_processes() -> None:
    """Part from the other processes; torch complains where a process ends without it."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
