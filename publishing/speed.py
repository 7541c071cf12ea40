"""How fast a model answers on this machine, told with what the number depends on."""

import time
from collections.abc import Sequence
from typing import Any

import torch

from ..modeling.modeling_polyhead import PolyheadModel
from ..training.processor import processor_name

MOST_TEXTS = 1000
_WARM_UP = 32


def measure_speed(model: PolyheadModel, texts: Sequence[str]) -> dict[str, Any] | None:
    """Time `predict` with every head that reads one text, tokenizing included.

    Args:
        model: As it answers in use.
        texts: The first 1,000 are read.

    Returns:
        As `PolyheadConfig.speed`; None where there is no text, or no head that reads one alone.
    """
    listed = list(texts[:MOST_TEXTS])
    if not listed or all(task.is_pair for task in model.config.tasks):
        return None
    model.predict(listed[:_WARM_UP])
    start = time.perf_counter()
    model.predict(listed)
    seconds = time.perf_counter() - start
    return {
        "texts_per_second": round(len(listed) / seconds, 1),
        "tokens_per_text": round(sum(map(len, model.tokenize(listed))) / len(listed), 1),
        "device": torch.cuda.get_device_name(model.device) if model.device.type == "cuda" else processor_name(),
        "threads": torch.get_num_threads(),
        "dtype": str(model.dtype).removeprefix("torch."),
    }
