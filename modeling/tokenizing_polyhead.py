"""From texts to padded tensors: no two threads with one tokenizer, truncation counted."""

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from transformers import AutoTokenizer

from .batching_polyhead import TokenizedText, pad_arrays

HUB_OPTIONS = ("revision", "token", "cache_dir", "local_files_only", "subfolder")
_clones: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()  # by tokenizer: those that no thread uses now
_clones_lock = threading.Lock()


def load_tokenizer(name: str, options: dict[str, Any], config: Any = None) -> Any:
    """Load a tokenizer from a folder or the Hub.

    Args:
        name: Folder or Hub name.
        options: Those of `HUB_OPTIONS` are passed on, the others ignored.
        config: Of the backbone, where it is known; else transformers looks for it.
    """
    hub_options = {key: value for key, value in options.items() if key in HUB_OPTIONS}
    known = {} if config is None else {"config": config}
    tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False, **known, **hub_options)
    return tokenizer


def save_tokenizer(tokenizer: Any, directory: Path) -> None:
    """Save a tokenizer as it is, without what its use or its loading left behind: truncation, padding, the Hub's token."""
    for key in (*HUB_OPTIONS, "is_local"):
        tokenizer.init_kwargs.pop(key, None)
    if tokenizer.is_fast:
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(directory)


def tokenize(tokenizer: Any, texts: list[str], max_length: int) -> list[TokenizedText]:
    """Tokenize texts, each cut at `max_length` tokens, special ones included.

    A fast tokenizer that is shared by threads truncates wrongly without a word, so each has one of its own meanwhile.

    Raises:
        ValueError: The tokenizer has no fast implementation, so it cannot say where its tokens stand.
    """
    if not tokenizer.is_fast:
        raise ValueError(
            f"{type(tokenizer).__name__} has no fast implementation; polyhead needs one with a tokenizer.json."
        )
    with _for_one_thread(tokenizer) as own:
        batch = own(texts, truncation=True, max_length=max_length, return_attention_mask=False)
    names = [name for name in ("input_ids", "token_type_ids") if name in batch]
    return [
        TokenizedText({name: batch[name][row] for name in names}, encoding.offsets, bool(encoding.overflowing))
        for row, encoding in enumerate(batch.encodings)
    ]


def pad(rows: list[TokenizedText], pad_token_id: int | None, prefix: str = "") -> dict[str, Tensor]:
    """Pad on the right and stack, as `pad_arrays` does: each tensor (batch, longest), names with a prefix."""
    return {prefix + name: torch.from_numpy(array) for name, array in pad_arrays(rows, pad_token_id).items()}


@contextmanager
def _for_one_thread(tokenizer: Any) -> Iterator[Any]:
    """Give the main thread the tokenizer itself and another one a clone, which the next thread gets after it.

    A clone takes as long as tokenizing hundreds of texts, and threads that tokenize ahead come and go with each call.
    """
    if threading.current_thread() is threading.main_thread():
        yield tokenizer
        return
    with _clones_lock:
        unused = _clones.setdefault(tokenizer, [])
        clone = unused.pop() if unused else None
    if clone is None or len(clone) != len(tokenizer):  # tokens may have been added since
        clone = copy.deepcopy(tokenizer)
    try:
        yield clone
    finally:
        with _clones_lock:
            unused.append(clone)
