"""Rows in random order, cut into batches: data sets in even shares, texts of similar length together."""

from collections.abc import Sequence

import torch
from torch import Tensor

BATCHES_PER_WINDOW = 50  # lengths are sorted inside windows of so many batches: order stays random, padding small
# Of rows that are enough for them: with one window, each epoch would have the same batches. Batches of several data sets
# differ more from epoch to epoch, because the data sets meet anew.
FEWEST_WINDOWS, FEWEST_WINDOWS_OF_SEVERAL = 4, 2


def cut_into_batches(orders: Sequence[Tensor], lengths: Tensor, size: int, group_by_length: bool) -> list[list[int]]:
    """Cut rows into batches that each hold every data set's share; the last batch may be smaller.

    Grouped by length, a batch has the long texts of each data set, or the short ones of each: were all texts sorted
    together, a data set of short texts would be missing from the batches of long ones.

    Args:
        orders: Numbers of each data set's rows, in random order.
        lengths: Of all rows, by their numbers.
        size: Rows per batch.
        group_by_length: Sort by length inside windows of the order.
    """
    orders = [order for order in orders if len(order)]
    if not orders:
        return []
    rows = _interleaved(orders)
    if group_by_length:
        owners = _interleaved([torch.full_like(order, number) for number, order in enumerate(orders)])
        fewest = FEWEST_WINDOWS_OF_SEVERAL if len(orders) > 1 else FEWEST_WINDOWS
        num_batches = min(max(len(rows) // (fewest * size), 1), BATCHES_PER_WINDOW)
        windows = zip(rows.split(num_batches * size), owners.split(num_batches * size), strict=True)
        rows = torch.cat([_longest_first(window, lengths, owner, len(orders)) for window, owner in windows])
    return [batch.tolist() for batch in rows.split(size)]


def _longest_first(rows: Tensor, lengths: Tensor, owners: Tensor, num_owners: int) -> Tensor:
    order = lengths[rows].argsort(descending=True, stable=True)
    rows, owners = rows[order], owners[order]
    return _interleaved([rows[owners == owner] for owner in range(num_owners)])


def _interleaved(parts: Sequence[Tensor]) -> Tensor:
    """Merge sequences so that any stretch of the whole has each one's share of it."""
    places = [(torch.arange(len(part), dtype=torch.float64) + 0.5) / len(part) for part in parts]
    return torch.cat(list(parts))[torch.cat(places).argsort(stable=True)]
