from collections import Counter

import pytest
import torch
from accelerate.data_loader import BatchSamplerShard

from polyhead.training.data.batch_cutting import BATCHES_PER_WINDOW
from polyhead.training.data.sampling import MultiTaskBatchSampler

RANGES = {"news": range(10), "posts": range(10, 17), "notes": range(17, 18)}
LENGTHS = [1 + (number * 7) % 30 for number in range(18)]


def sampler(seed=1, epoch=0, **options):
    made = MultiTaskBatchSampler(RANGES, LENGTHS, 4, seed, **options)
    made.set_epoch(epoch)
    return made


def num_padded(batches, lengths):
    return sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)


@pytest.mark.parametrize("group_by_length", [True, False])
def test_every_row_comes_exactly_once_an_epoch(group_by_length):
    for epoch in range(3):
        rows = [row for batch in sampler(epoch=epoch, group_by_length=group_by_length) for row in batch]
        assert sorted(rows) == list(range(18))


@pytest.mark.parametrize("group_by_length", [True, False])
def test_a_batch_is_full_and_of_one_data_set_the_last_of_each_may_be_smaller(group_by_length):
    batches = list(sampler(group_by_length=group_by_length))

    sizes = {name: sorted(len(batch) for batch in batches if set(batch) <= set(rows)) for name, rows in RANGES.items()}
    assert sizes == {"news": [2, 4, 4], "posts": [3, 4], "notes": [1]}


@pytest.mark.parametrize("group_by_length", [True, False])
def test_seed_and_epoch_alone_decide_the_order(group_by_length):
    first = list(sampler(seed=3, epoch=2, group_by_length=group_by_length))
    torch.manual_seed(99)

    assert list(sampler(seed=3, epoch=2, group_by_length=group_by_length)) == first
    assert list(sampler(seed=4, epoch=2, group_by_length=group_by_length)) != first
    assert list(sampler(seed=3, epoch=1, group_by_length=group_by_length)) != first


def test_epochs_mix_rows_into_other_batches():
    first, second = ({frozenset(batch) for batch in sampler(epoch=epoch)} for epoch in range(2))

    assert first != second


def test_data_sets_take_turns_at_random():
    sources = [next(name for name, rows in RANGES.items() if batch[0] in rows) for batch in sampler(seed=0)]

    assert sources != sorted(sources, key=list(RANGES).index)


def test_rows_of_similar_length_save_padding():
    lengths = torch.randint(3, 128, (800,), generator=torch.Generator().manual_seed(0)).tolist()
    padded = {}
    for group_by_length in (True, False):
        batches = MultiTaskBatchSampler({"one": range(800)}, lengths, 8, 0, group_by_length=group_by_length)
        padded[group_by_length] = num_padded(batches, lengths)

    assert padded[True] < 1.1 * sum(lengths) < 1.5 * sum(lengths) < padded[False]


@pytest.mark.parametrize("num_batches", [40, 4 * BATCHES_PER_WINDOW, 6 * BATCHES_PER_WINDOW])
def test_lengths_are_sorted_inside_windows_only_so_that_order_stays_random(num_batches):
    lengths = list(range(2 * num_batches))
    batches = list(MultiTaskBatchSampler({"one": range(len(lengths))}, lengths, 2, 0))

    # Of one row in w neighbours, its batch's other row is about w lengths away; sorted as a whole, all would be 1 away.
    distances = [abs(first - second) for first, second in batches]
    assert 1 < sum(distances) / len(distances) < 2 * max(4, num_batches // BATCHES_PER_WINDOW)


def test_its_length_is_the_number_of_batches():
    assert len(sampler()) == len(list(sampler())) == 3 + 2 + 1


def test_a_data_set_without_rows_gives_no_batch():
    empty = MultiTaskBatchSampler({"none": range(0), "some": range(3)}, [1, 1, 1], 2, 0)

    assert len(empty) == len(list(empty)) == 2


@pytest.mark.parametrize("num_processes", [2, 4])
def test_processes_share_an_epoch_and_none_is_left_with_fewer_batches(num_processes):
    # The shards that accelerate hands out, with the setting of PolyheadTrainer.
    whole = sampler(num_processes=num_processes)
    shards = [
        list(BatchSamplerShard(whole, num_processes, index, even_batches=False)) for index in range(num_processes)
    ]

    assert {len(shard) for shard in shards} == {len(whole) // num_processes} == {-(-6 // num_processes)}
    seen = Counter(row for shard in shards for batch in shard for row in batch)
    again = [row for batch in list(sampler())[: len(whole) - 6] for row in batch]
    assert seen == Counter([*range(18), *again])
