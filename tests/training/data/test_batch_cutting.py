"""Batches of several data sets: each has its share of every batch, and texts of similar length still come together."""

import torch

from polyhead.training.data.batch_cutting import cut_into_batches

SETS = [range(60), range(60, 80), range(80, 120)]  # shares 1/2, 1/6, 1/3
ORDERS = [torch.randperm(60), torch.randperm(20) + 60, torch.randperm(40) + 80]
# Each of its own range: were all sorted together, a batch would have rows of one data set.
LENGTHS = torch.cat([torch.arange(60) + 200, torch.arange(20) + 100, torch.arange(40)])


def shares(batch):
    return [sum(row in rows for row in batch) for rows in SETS]


def test_each_batch_has_the_share_of_every_data_set_whether_grouped_by_length_or_not():
    for group_by_length in (True, False):
        batches = cut_into_batches(ORDERS, LENGTHS, 12, group_by_length)

        assert [len(batch) for batch in batches] == [12] * 10
        for batch in batches:
            assert all(abs(found - wanted) <= 1 for found, wanted in zip(shares(batch), (6, 2, 4), strict=True)), (
                shares(batch)
            )


def test_every_row_comes_once_and_the_last_batch_is_what_is_left():
    batches = cut_into_batches(ORDERS, LENGTHS, 50, True)

    assert [len(batch) for batch in batches] == [50, 50, 20]
    assert sorted(row for batch in batches for row in batch) == list(range(120))


def test_rows_of_a_batch_are_alike_in_length_within_their_data_set():
    def scatter(group_by_length):
        batches = cut_into_batches(ORDERS, LENGTHS, 6, group_by_length)
        lengths = [[int(LENGTHS[row]) for row in batch if row in SETS[0]] for batch in batches]
        return sum(max(found) - min(found) for found in lengths) / len(lengths)

    assert scatter(True) < 0.5 * scatter(False)


def test_a_data_set_without_rows_leaves_the_others_as_they_are():
    none = torch.empty(0, dtype=torch.long)

    assert cut_into_batches([ORDERS[0], none], LENGTHS, 8, True) == cut_into_batches([ORDERS[0]], LENGTHS, 8, True)
    assert cut_into_batches([none], LENGTHS, 8, True) == []


def test_another_order_gives_other_batches_of_several_data_sets():
    def batches(seed):
        generator = torch.Generator().manual_seed(seed)
        orders = [order[torch.randperm(len(order), generator=generator)] for order in ORDERS]
        return {frozenset(batch) for batch in cut_into_batches(orders, LENGTHS, 12, True)}

    assert not batches(0) & batches(1)
