"""Which rows make a batch: of which data sets, of similar length, in an order that seed and epoch alone decide."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import Sampler

from ..closest_name import suggest_name
from .batch_cutting import cut_into_batches
from .mixing import Mixing


class MultiTaskBatchSampler(Sampler[list[int]]):
    """Draw rows in batches that each hold rows of one group of data sets, of every one its share.

    In proportion (the default) every row comes once per epoch. With another mixing, an epoch has as many batches, whose rows
    are dealt out to the data sets by their shares; each goes on, epoch after epoch, where it was, so that no row comes a
    second time before all others have come once.

    Args:
        ranges: Positions of each data set's rows.
        lengths: Tokens of each row.
        rows_per_batch: The last batch of a group may be smaller.
        seed: With the epoch, it decides the order.
        group_by_length: Put rows of similar length together.
        num_processes: The number of batches is a multiple of it, so that every process gets as many; where it would not
            be, the first batches of the epoch come once more.
        mixing: Shares of the data sets; None: in proportion.
        batch_sizes: Rows per batch of single data sets, by name, instead of `rows_per_batch`.
        groups: Names of the data sets that share batches, of one size; None: each has batches of its own.

    Source:
        Muppet, https://arxiv.org/abs/2101.11038, section 3.1: batches of several data sets train better.
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
        groups: Sequence[Sequence[str]] | None = None,
    ) -> None:
        self.ranges = {name: rows for name, rows in ranges.items() if rows}
        self.lengths = torch.tensor(lengths)
        for name in batch_sizes or {}:
            if name not in ranges:
                raise ValueError(f"batch_sizes name '{name}'; {suggest_name(name, ranges)}.")
        # Not `batch_size`: accelerate would then leave out smaller batches.
        self.rows_per_batch = {name: (batch_sizes or {}).get(name, rows_per_batch) for name in self.ranges}
        named = [[name] for name in ranges] if groups is None else groups
        with_rows = [[name for name in group if name in self.ranges] for group in named]
        self.groups = [group for group in with_rows if group]
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
        draws = {name: self._draw(name, generator) for name in self.ranges}
        batches = [(group, batch) for group in self.groups for batch in self._batches(group, draws, generator)]
        order = torch.randperm(len(batches), generator=generator).tolist()
        drawn = [batches[order[number % len(batches)]] for number in range(len(self))]
        live = [batch for group, batch in drawn if not self.stopped.issuperset(group)]
        again = self._again(live, generator)
        for group, batch in drawn:
            yield next(again) if live and self.stopped.issuperset(group) else batch

    def _batches(self, group: list[str], draws: dict[str, Tensor], generator: torch.Generator) -> list[list[int]]:
        live = [name for name in group if name not in self.stopped and len(draws[name])]
        orders = [draws[name] for name in live or group]
        num_lost = sum(len(draws[name]) for name in group) - sum(map(len, orders))
        if num_lost:
            orders = [
                torch.cat([order, more]) for order, more in zip(orders, _more(orders, num_lost, generator), strict=True)
            ]
        return cut_into_batches(orders, self.lengths, self.rows_per_batch[group[0]], self.group_by_length)

    def _again(self, batches: list[list[int]], generator: torch.Generator) -> Iterator[list[int]]:
        # In the place of what has stopped; an epoch keeps its length, on which schedule and resuming rest.
        while True:
            for position in torch.randperm(len(batches), generator=generator).tolist():
                yield batches[position]

    def _num_batches(self) -> int:
        num_rows = [sum(self.num_rows[name] for name in group) for group in self.groups]
        return sum(
            -(-count // self.rows_per_batch[group[0]]) for group, count in zip(self.groups, num_rows, strict=True)
        )

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


def _more(orders: list[Tensor], num_rows: int, generator: torch.Generator) -> list[Tensor]:
    """Draw rows of live data sets once more, in the place of those that have stopped."""
    ends = torch.tensor([len(order) for order in orders]).cumsum(0)
    rows, passes = torch.cat(orders), -(-num_rows // int(ends[-1]))
    drawn = torch.cat([torch.randperm(len(rows), generator=generator) for _ in range(passes)])[:num_rows]
    owners = torch.bucketize(drawn, ends, right=True)
    return [rows[drawn[owners == owner]] for owner in range(len(orders))]
