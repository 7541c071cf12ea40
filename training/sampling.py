"""Which rows make a batch: each from one data set, of similar length, in an order that seed and epoch alone decide."""

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler

BATCHES_PER_WINDOW = 50  # lengths are sorted inside windows of so many batches: order stays random, padding small
FEWEST_WINDOWS = 4  # of a data set that has the rows; with one, each epoch would have the same batches


class MultiTaskBatchSampler(Sampler[list[int]]):
    """Draw every row of every data set once per epoch, in batches that each come from one data set.

    Args:
        ranges: Positions of each data set's rows.
        lengths: Tokens of each row.
        rows_per_batch: The last batch of a data set may be smaller.
        seed: With the epoch, it decides the order.
        group_by_length: Put rows of similar length together.
        num_processes: The number of batches is a multiple of it, so that every process gets as many; where it would not
            be, the first batches of the epoch come once more.
    """

    def __init__(
        self,
        ranges: dict[str, range],
        lengths: list[int],
        rows_per_batch: int,
        seed: int,
        group_by_length: bool = True,
        num_processes: int = 1,
    ) -> None:
        self.ranges = ranges
        self.lengths = torch.tensor(lengths)
        self.rows_per_batch = rows_per_batch  # not `batch_size`: accelerate would then leave out smaller batches
        self.seed = seed
        self.group_by_length = group_by_length
        self.num_processes = num_processes
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of that epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        num_batches = sum(-(-len(rows) // self.rows_per_batch) for rows in self.ranges.values())
        return -(-num_batches // self.num_processes) * self.num_processes

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        batches = [batch for rows in self.ranges.values() if rows for batch in self._batches(rows, generator)]
        order = torch.randperm(len(batches), generator=generator).tolist()
        for number in range(len(self)):
            yield batches[order[number % len(batches)]]

    def _batches(self, rows: range, generator: torch.Generator) -> Iterator[list[int]]:
        order = torch.randperm(len(rows), generator=generator) + rows.start
        if self.group_by_length:
            num_batches = len(rows) // (FEWEST_WINDOWS * self.rows_per_batch)
            windows = order.split(self.rows_per_batch * min(max(num_batches, 1), BATCHES_PER_WINDOW))
            order = torch.cat(
                [window[self.lengths[window].argsort(descending=True, stable=True)] for window in windows]
            )
        for batch in order.split(self.rows_per_batch):
            yield batch.tolist()
