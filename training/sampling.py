"""Which rows make a batch: each from one data set, of similar length, in an order that seed and epoch alone decide."""

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler

BATCHES_PER_WINDOW = 50  # lengths are sorted inside windows of so many batches: order stays random, padding small


class MultiTaskBatchSampler(Sampler[list[int]]):
    """Draw every row of every data set once per epoch, in batches that each come from one data set.

    Args:
        ranges: Positions of each data set's rows.
        lengths: Tokens of each row.
        batch_size: Rows per batch; the last batch of a data set may be smaller.
        seed: With the epoch, it decides the order.
        group_by_length: Put rows of similar length together.
    """

    def __init__(
        self, ranges: dict[str, range], lengths: list[int], batch_size: int, seed: int, group_by_length: bool = True
    ) -> None:
        self.ranges = ranges
        self.lengths = torch.tensor(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.group_by_length = group_by_length
        self.epoch = 0
        self.drop_last = False  # read by accelerate

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of that epoch; Trainer calls it, also when it resumes."""
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(-(-len(rows) // self.batch_size) for rows in self.ranges.values())

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        batches = [batch for rows in self.ranges.values() for batch in self._batches(rows, generator)]
        for position in torch.randperm(len(batches), generator=generator).tolist():
            yield batches[position]

    def _batches(self, rows: range, generator: torch.Generator) -> Iterator[list[int]]:
        order = torch.randperm(len(rows), generator=generator) + rows.start
        if self.group_by_length:
            windows = order.split(self.batch_size * BATCHES_PER_WINDOW)
            order = torch.cat(
                [window[self.lengths[window].argsort(descending=True, stable=True)] for window in windows]
            )
        for batch in order.split(self.batch_size):
            yield batch.tolist()
