"""Tokenized texts and their batches, as lists and arrays: no torch, so that other runtimes share them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass
class TokenizedText:
    """One text as token ids.

    Args:
        inputs: `input_ids` and, where the tokenizer gives them, `token_type_ids`; lists of one length.
        offsets: Start and end of each token in the text.
        is_truncated: Whether tokens were cut off.
    """

    inputs: dict[str, list[int]]
    offsets: list[tuple[int, int]]
    is_truncated: bool

    def __len__(self) -> int:
        return len(self.inputs["input_ids"])


@dataclass
class Window:
    """Texts, or pairs of texts, that are cut into batches together.

    Args:
        start: Position of the first one among all.
        first: Tokenized texts.
        second: As many second texts, for pairs.
    """

    start: int
    first: list[TokenizedText]
    second: list[TokenizedText] | None


def plan_batches(
    first: Sequence[TokenizedText],
    second: Sequence[TokenizedText] | None,
    batch_size: int | None,
    tokens_per_batch: int,
) -> Iterator[list[int]]:
    """Cut texts, or pairs of texts, into batches of similar length.

    Args:
        first: Tokenized texts.
        second: As many second texts, for pairs.
        batch_size: Texts per batch; None: as many as fit.
        tokens_per_batch: Padded tokens of one text each that fit.

    Yields:
        Positions, those of the longest texts first: memory fails early.
    """
    lengths = [max(len(row), len(second[index]) if second else 0) for index, row in enumerate(first)]
    batch: list[int] = []
    for row in sorted(range(len(first)), key=lengths.__getitem__, reverse=True):
        limit = batch_size or max(1, tokens_per_batch // lengths[batch[0] if batch else row])
        if len(batch) >= limit:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def pad_arrays(rows: Sequence[TokenizedText], pad_token_id: int | None) -> dict[str, np.ndarray]:
    """Pad on the right and stack: each array (batch, longest), int64, with an attention mask.

    On the right whatever the tokenizer's side: with absolute positions, left padding would move the text.
    """
    shape = (len(rows), max(len(row) for row in rows))
    arrays = {"attention_mask": np.zeros(shape, dtype=np.int64)}
    for number, row in enumerate(rows):
        arrays["attention_mask"][number, : len(row)] = 1
    for name in rows[0].inputs:
        arrays[name] = np.full(shape, (pad_token_id or 0) if name == "input_ids" else 0, dtype=np.int64)
        for number, row in enumerate(rows):
            arrays[name][number, : len(row)] = row.inputs[name]
    return arrays
