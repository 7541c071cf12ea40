"""States of many texts in one tensor, filled in blocks of similar length."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...modeling.batching_polyhead import TokenizedText
from .mapped_file import mapped_tensor

TOKENS_PER_BLOCK = 4096


class StoredStates:
    """A place for the states of each text.

    Which texts are computed together follows from the texts alone, not from the order in which they are met: padding moves
    sums in the last bit, and a resumed run meets them in another order.

    Args:
        texts: Equal ones share a place.
        width: Numbers per token.
        by_token: One row a token; else one row a text.
        max_bytes: For all states; of the texts that do not fit, the shortest are kept.
        device: Where states are read, and lie unless they are in a file.
        dtype: Numbers that they are kept in; they come back as float32.
        folder: Keep them in a file there, mapped into memory; None: in memory.

    Raises:
        ValueError: The folder's disk has no room.
    """

    def __init__(
        self,
        texts: Iterable[TokenizedText],
        width: int,
        by_token: bool,
        max_bytes: int,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        folder: Path | None = None,
    ) -> None:
        unique = {text_key(text.inputs["input_ids"]): text for text in texts}
        self.num_texts = len(unique)
        self.blocks: list[list[TokenizedText]] = []
        self._places: dict[bytes, tuple[int, int]] = {}  # start and block
        rows = 0
        most = max_bytes // (dtype.itemsize * width)
        for key in sorted(unique, key=lambda key: (len(key), key)):
            text = unique[key]
            size = len(text) if by_token else 1
            if rows + size > most:
                break
            if not self.blocks or (len(self.blocks[-1]) + 1) * len(text) > TOKENS_PER_BLOCK:
                self.blocks.append([])
            self.blocks[-1].append(text)
            self._places[key] = (rows, len(self.blocks) - 1)
            rows += size
        self._is_filled = [False] * len(self.blocks)
        self.by_token = by_token
        self._device = device
        self._states = (
            torch.empty((rows, width), dtype=dtype, device=device)
            if folder is None
            else mapped_tensor((rows, width), dtype, folder)
        )

    @property
    def num_kept(self) -> int:
        """How many texts have a place."""
        return len(self._places)

    @property
    def num_bytes(self) -> int:
        """How much room they take."""
        return self._states.numel() * self._states.itemsize

    def find(self, keys: Sequence[bytes]) -> tuple[list[int], list[int]] | None:
        """Return where the states of texts begin, and the blocks of them that are still to be filled.

        None where a text has no place.
        """
        found = [self._places.get(key) for key in keys]
        if any(place is None for place in found):
            return None
        places = [place for place in found if place is not None]
        return [start for start, _ in places], sorted({block for _, block in places if not self._is_filled[block]})

    def fill(self, block: int, states: Tensor, attention_mask: Tensor | None) -> None:
        """Keep what was computed for a block: (texts, width), or by token (texts, seq, width) with its mask."""
        start, _ = self._places[text_key(self.blocks[block][0].inputs["input_ids"])]
        rows = states if attention_mask is None else states[attention_mask.bool()]  # (rows, width)
        self._states[start : start + len(rows)] = rows.to(self._states)
        self._is_filled[block] = True

    def gather(self, starts: Sequence[int], attention_mask: Tensor) -> Tensor:
        """Return the states of texts: (texts, width), or by token (texts, seq, width), 0 where the mask is 0."""
        first = torch.tensor(starts, device=self._states.device)
        if not self.by_token:
            return self._read(first)
        mask = attention_mask.bool()  # (texts, seq)
        rows = first[:, None] + torch.arange(mask.shape[1], device=first.device)  # (texts, seq)
        states = torch.zeros((*mask.shape, self._states.shape[1]), device=self._device)
        states[mask] = self._read(rows[mask.to(rows.device)])
        return states

    def _read(self, rows: Tensor) -> Tensor:
        return self._states[rows].to(self._device, torch.float32)


def text_key(input_ids: Any) -> bytes:
    """Return what equal texts have in common; input ids as a list, or as an array of shape (tokens,)."""
    return torch.as_tensor(input_ids, dtype=torch.int64).numpy().tobytes()
