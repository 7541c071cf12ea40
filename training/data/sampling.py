"""Which rows make a batch: each from one data set, of similar length, in an order that seed and epoch alone decide."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler

from ..closest_name import suggest_name
from .mixing import Mixing

BATCHES_PER_WINDOW = 50  # lengths are sorted inside windows of so many batches: order stays random, padding small
FEWEST_WINDOWS = 4  # of a data set that has the rows; with one, each epoch would have the same batches


class MultiTaskBatchSampler(Sampler[list[int]]):
    """Draw rows in batches that each come from one data set.

    In proportion (the default) every row comes once per epoch. With another mixing, an epoch has as many batches, dealt out
    to the data sets by their shares; each goes on, epoch after epoch, where it was, so that no row comes a second time
    before all others have come once.

    Args:
        ranges: Positions of each data set's rows.
        lengths: Tokens of each row.
        rows_per_batch: The last batch of a data set may be smaller.
        seed: With the epoch, it decides the order.
        group_by_length: Put rows of similar length together.
        num_processes: The number of batches is a multiple of it, so that every process gets as many; where it would not
            be, the first batches of the epoch come once more.
        mixing: Shares of the data sets; None: in proportion.
        batch_sizes: Rows per batch of single data sets, by name, instead of `rows_per_batch`.
    """

    def __init__(
        self,
        ranges: dict[str, range],
        lengths: list[int],
        rows_per_batch: int,
        seed: int,
        group_by_length: bool = True,
        num_processes: int = 1,
        mixing: Mixing | None = None,
        batch_sizes: dict[str, int] | None = None,
    ) -> None:
        self.ranges = {name: rows for name, rows in ranges.items() if rows}
        self.lengths = torch.tensor(lengths)
        for name in batch_sizes or {}:
            if name not in ranges:
                raise ValueError(f"batch_sizes name '{name}'; {suggest_name(name, ranges)}.")
        # Not `batch_size`: accelerate would then leave out smaller batches.
        self.rows_per_batch = {name: (batch_sizes or {}).get(name, rows_per_batch) for name in self.ranges}
        self.seed = seed
        self.group_by_length = group_by_length
        self.num_processes = num_processes
        self.mixing = mixing or Mixing()
        self.epoch = 0
        self.stopped: frozenset[str] = frozenset()  # data sets whose places batches of the others take
        self.num_rows = {name: len(rows) for name, rows in self.ranges.items()}
        self.mixing.shares(self.num_rows, 0)  # refuse wrong names now, not in the first epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of that epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self._num_batches() // self.num_processes) * self.num_processes

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        batches = [(name, batch) for name in self.ranges for batch in self._batches(name, self._draw(name, generator))]
        order = torch.randperm(len(batches), generator=generator).tolist()
        drawn = [batches[order[number % len(batches)]] for number in range(len(self))]
        live = [batch for name, batch in drawn if name not in self.stopped]
        again = self._again(live, generator)
        for name, batch in drawn:
            yield next(again) if live and name in self.stopped else batch

    def _again(self, batches: list[list[int]], generator: torch.Generator) -> Iterator[list[int]]:
        # In the place of what has stopped; an epoch keeps its length, on which schedule and resuming rest.
        while True:
            for position in torch.randperm(len(batches), generator=generator).tolist():
                yield batches[position]

    def _num_batches(self) -> int:
        return sum(-(-count // self.rows_per_batch[name]) for name, count in self.num_rows.items())

    def _draw(self, name: str, generator: torch.Generator) -> Tensor:
        rows = self.ranges[name]
        if self.mixing.is_proportional:
            return torch.randperm(len(rows), generator=generator) + rows.start
        counts = [self._counts(epoch)[name] * self.rows_per_batch[name] for epoch in range(self.epoch + 1)]
        first, end = sum(counts[:-1]), sum(counts)
        passes = [self._pass(name, number) for number in range(first // len(rows), -(-end // len(rows)))]
        drawn = torch.cat(passes) if passes else torch.empty(0, dtype=torch.long)
        skipped = first % len(rows)
        return drawn[skipped : skipped + end - first] + rows.start

    def _counts(self, epoch: int) -> dict[str, int]:
        return self.mixing.counts(self.num_rows, self._num_batches(), epoch)

    def _pass(self, name: str, number: int) -> Tensor:
        # Each pass over a data set has an order of its own, whatever epoch it falls into.
        key = self.seed * 1_000_003 + number * 101 + list(self.ranges).index(name)
        return torch.randperm(self.num_rows[name], generator=torch.Generator().manual_seed(key))

    def _batches(self, name: str, order: Tensor) -> list[list[int]]:
        return cut_into_batches(order, self.lengths, self.rows_per_batch[name], self.group_by_length)


def cut_into_batches(order: Tensor, lengths: Tensor, size: int, group_by_length: bool) -> list[list[int]]:
    """Cut rows in random order into batches; the last may be smaller.

    Args:
        order: Numbers of rows.
        lengths: Of all rows, by their numbers.
        size: Rows per batch.
        group_by_length: Sort by length inside windows of the order.
    """
    if group_by_length and len(order):
        num_batches = len(order) // (FEWEST_WINDOWS * size)
        windows = order.split(size * min(max(num_batches, 1), BATCHES_PER_WINDOW))
        order = torch.cat([window[lengths[window].argsort(descending=True, stable=True)] for window in windows])
    return [batch.tolist() for batch in order.split(size) if len(batch)]
