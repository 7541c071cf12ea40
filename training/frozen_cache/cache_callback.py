"""The cache of frozen layers under the HF Trainer, ours or the stock one."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback
from transformers.utils import logging

from ...modeling.batching_polyhead import TokenizedText
from ..optimization.freeze_callback import FreezeCallback
from .boundary import num_constant_layers
from .cached_encoding import CachedEncoding
from .stored_states import StoredStates

logger = logging.get_logger(__name__)


class FrozenCacheCallback(TrainerCallback):
    """Compute once what frozen layers make of a text, for as long as they are frozen.

    Where the whole backbone is frozen and no head reads tokens, the pooled vector is kept, of each layer where several are
    mixed; else the states that enter the lowest layer that trains. What is frozen changes: everything is forgotten. Weights
    come out as without it, up to the order of sums (padding differs).

    Args:
        freezing: Says what is frozen; comes before this one among the callbacks. Frozen parts must have no dropout.
        texts: That are going to be read; others are encoded as ever.
        max_bytes: For all kept states.
        dtype: Numbers that states are kept in: bfloat16 takes half the room, and keeps three digits.
        folder: Keep them in a file there that is gone when the process ends; None: in memory.
    """

    def __init__(
        self,
        freezing: FreezeCallback,
        texts: Sequence[TokenizedText],
        max_bytes: int,
        dtype: torch.dtype = torch.float32,
        folder: Path | None = None,
    ) -> None:
        self.encoding: CachedEncoding | None = None
        self._freezing = freezing
        self._texts = texts
        self._max_bytes = max_bytes
        self._keeping: dict[str, Any] = {"dtype": dtype, "folder": folder}
        self._seen: Collection[str] | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Begin with nothing kept."""
        self._follow(model)

    def on_step_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Forget everything where other parts are frozen now."""
        if self._freezing.frozen != self._seen:
            self._follow(model)

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Leave the model as it was found."""
        self._release(model)

    def _follow(self, model: Any) -> None:
        self._release(model)
        self._seen = self._freezing.frozen
        num_layers = num_constant_layers(model, self._seen)
        if not num_layers:
            return
        is_whole = num_layers == model.config.num_hidden_layers
        by_token = not is_whole or _reads_tokens(model.config)
        width = (model.config.hidden_size if by_token else model.config.pooled_size) * model.config.mix_last_layers
        store = StoredStates(self._texts, width, by_token, self._max_bytes, model.device, **self._keeping)
        self.encoding = model.encode_tokens = CachedEncoding(model, store, num_layers)
        logger.info(f"{num_layers} frozen layers are computed once for {store.num_kept} of {store.num_texts} texts.")

    def _release(self, model: Any) -> None:
        model.__dict__.pop("encode_tokens", None)
        self.encoding = None


def _reads_tokens(config: Any) -> bool:
    has_order = config.mix_last_layers > 1 and "max" in config.poolings  # the largest of a mix is no mix of the largest
    is_pooled_late = has_order or "attention" in config.poolings
    return is_pooled_late or any(task.is_token or task.head == "attention" for task in config.tasks)
