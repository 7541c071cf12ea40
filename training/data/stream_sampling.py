"""Which rows make a batch where data sets are streamed: shuffled and grouped by length in a buffer, pass after pass."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count, islice

import torch
from torch.utils.data import Sampler

from ..closest_name import suggest_name
from .batch_cutting import cut_into_batches
from .data_error import DataError
from .mixing import Mixing
from .row_stream import RowStream
from .rows import Row


class StreamBatchSampler(Sampler[list[Row]]):
    """Read rows and deal them out in batches that each come from one data set; the run is one long epoch.

    A batch is a list of rows, not of their numbers: nobody can go back to a row of a stream. Rows are tokenized later,
    where the batch is loaded, so a process tokenizes its own batches only, and a resumed run none of those it skips.

    A buffer is filled, its rows are shuffled and cut into batches, these are dealt out in random order, then it is filled
    anew. It ends where its data set ends: in a pass every row comes once. Then the data set is read again, in a new order.
    Data sets that lie in memory are one buffer.

    Args:
        sources: Rows of each data set.
        num_batches: Of the whole run, over all processes.
        rows_per_batch: The last batch of a pass may be smaller.
        seed: It decides the order, with the number of the pass.
        group_by_length: Put rows of similar length, in characters, together.
        mixing: Shares of the data sets, which must not depend on their rows.
        batch_sizes: Rows per batch of single data sets, by name, instead of `rows_per_batch`.
    """

    def __init__(
        self,
        sources: Mapping[str, Sequence[Row] | RowStream],
        num_batches: int,
        rows_per_batch: int,
        seed: int,
        group_by_length: bool = True,
        mixing: Mixing | None = None,
        batch_sizes: dict[str, int] | None = None,
    ) -> None:
        for name in batch_sizes or {}:
            if name not in sources:
                raise ValueError(f"batch_sizes name '{name}'; {suggest_name(name, sources)}.")
        self.sources = sources
        self.num_batches = num_batches
        # Not `batch_size`: accelerate would then leave out smaller batches.
        self.rows_per_batch = {name: (batch_sizes or {}).get(name, rows_per_batch) for name in sources}
        self.seed = seed
        self.group_by_length = group_by_length
        self.shares = (mixing or Mixing()).shares(dict.fromkeys(sources, 1), 0)

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[list[Row]]:
        batches = {name: self._endless(name) for name in self.sources}
        drawn = dict.fromkeys(self.sources, 0)
        for number in range(1, self.num_batches + 1):
            # Whoever is furthest behind its share: nobody's share is left to chance, also in a short run.
            name = max(self.shares, key=lambda name: self.shares[name] * number - drawn[name])
            drawn[name] += 1
            yield next(batches[name])

    def set_epoch(self, epoch: int) -> None:
        """Take no notice: a stream has passes of its own."""

    def _endless(self, name: str) -> Iterator[list[Row]]:
        for number in count():
            key = self.seed * 1_000_003 + number * 101 + list(self.sources).index(name)
            generator = torch.Generator().manual_seed(key)
            rows = iter(self.sources[name])
            buffer = list(islice(rows, self._buffer_rows(name)))
            if not buffer:
                raise DataError([f"data.{name}: no rows are left in it; restore the file"])
            while buffer:
                yield from self._batches(name, buffer, generator)
                buffer.clear()  # before it is filled: two of them are never in memory
                buffer += islice(rows, self._buffer_rows(name))

    def _buffer_rows(self, name: str) -> int:
        rows, size = self.sources[name], self.rows_per_batch[name]
        wanted = rows.buffer_rows if isinstance(rows, RowStream) else len(rows)
        return -(-wanted // size) * size  # whole batches: only the last of a pass may be smaller

    def _batches(self, name: str, buffer: list[Row], generator: torch.Generator) -> Iterator[list[Row]]:
        order = torch.randperm(len(buffer), generator=generator)
        lengths = torch.tensor([num_characters(row) for row in buffer])
        batches = cut_into_batches([order], lengths, self.rows_per_batch[name], self.group_by_length)
        for position in torch.randperm(len(batches), generator=generator).tolist():
            yield [buffer[number] for number in batches[position]]


def num_characters(row: Row) -> int:
    """Return the length of a row's text, of a pair the longer one's."""
    if "words" in row:
        return len(" ".join(row["words"]))
    text = row["text"]
    return max(map(len, text)) if isinstance(text, tuple) else len(text)
