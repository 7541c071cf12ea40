"""A random part of a table that keeps the shares of its labels."""

import random
from collections.abc import Sequence
from dataclasses import replace

from .table import Table


def sample_table(table: Table, columns: Sequence[str], num_rows: int, seed: int) -> Table:
    """Take rows at random, each combination of labels in proportion (systematic sampling within strata).

    The rows of a combination are shuffled and stand at equal distances on a line from 0 to 1, from a random start; the rows
    furthest to the left are taken. So a sample is part of every larger one of the same seed, and no combination is more than
    one row away from its share.

    Args:
        table: Where the rows come from.
        columns: Of the labels; without any, or where every row has its own value, the sample is simply random.
        num_rows: How many to take; all where there are no more.
        seed: Decides which.

    Returns:
        The table with the rows that were taken, in the order of the file.
    """
    chance = random.Random(seed)
    strata: dict[tuple[str, ...], list[int]] = {}
    for index, record in enumerate(table.records):
        strata.setdefault(tuple(repr(record.get(column)) for column in columns), []).append(index)
    places: list[tuple[float, int]] = []
    for members in strata.values():
        chance.shuffle(members)
        start = chance.random()
        places += [((position + start) / len(members), index) for position, index in enumerate(members)]
    taken = sorted(index for _, index in sorted(places)[:num_rows])
    return replace(table, records=[table.records[i] for i in taken], rows=[table.rows[i] for i in taken])
