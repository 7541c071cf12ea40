from collections import Counter
from itertools import chain

import pytest

from polyhead.training.data.mixing import Mixing
from polyhead.training.data.sampling import MultiTaskBatchSampler

from ..conftest import LOUD, PET, row

SIZES = {"large": 90, "small": 10}


def sampler(mixing=None, epoch=0, sizes=SIZES, seed=3, **options):
    ranges, start = {}, 0
    for name, size in sizes.items():
        ranges[name] = range(start, start + size)
        start += size
    drawn = MultiTaskBatchSampler(
        ranges, [position % 7 + 3 for position in range(start)], 2, seed, mixing=mixing, **options
    )
    drawn.set_epoch(epoch)
    return drawn


def names(batches):
    return Counter("large" if batch[0] < 90 else "small" for batch in batches)


@pytest.mark.parametrize(
    ("mixing", "expected"),
    [
        (Mixing(), {"large": 0.9, "small": 0.1}),
        (Mixing(temperature=2.0), {"large": 0.75, "small": 0.25}),  # sqrt(90) : sqrt(10) is 3 : 1
        (Mixing(temperature=float("inf")), {"large": 0.5, "small": 0.5}),
        (Mixing(cap=30), {"large": 0.75, "small": 0.25}),
        (Mixing(temperature=2.0, cap=40), {"large": 2 / 3, "small": 1 / 3}),  # sqrt(40) : sqrt(10) is 2 : 1
        (Mixing(weights={"large": 1.0, "small": 4.0}), {"large": 0.2, "small": 0.8}),
    ],
)
def test_shares_follow_the_rule(mixing, expected):
    assert mixing.shares(SIZES, epoch=0) == pytest.approx(expected)


def test_the_temperature_moves_in_equal_steps_to_its_last_value():
    mixing = Mixing(temperature=1.0, final_temperature=3.0, num_epochs=3)

    assert mixing.shares(SIZES, 0)["small"] == pytest.approx(0.1)
    assert mixing.shares(SIZES, 1)["small"] == pytest.approx(0.25)
    assert mixing.shares(SIZES, 2)["small"] == pytest.approx(10 ** (1 / 3) / (10 ** (1 / 3) + 90 ** (1 / 3)))


def test_batches_are_dealt_out_whole_and_all_of_them():
    assert Mixing(weights={"a": 1.0, "b": 1.0, "c": 1.0}).counts({"a": 5, "b": 5, "c": 5}, 10, 0) == {
        "a": 4,
        "b": 3,
        "c": 3,
    }


def test_an_epoch_has_as_many_batches_as_in_proportion_and_the_shares_asked_for():
    batches = list(sampler(Mixing(temperature=2.0)))

    assert len(batches) == len(sampler()) == 50
    assert names(batches) == {"large": 37, "small": 13} or names(batches) == {"large": 38, "small": 12}


def test_no_row_comes_twice_before_all_others_came_once_across_epochs():
    mixing = Mixing(weights={"large": 1.0, "small": 1.0})
    drawn = list(chain.from_iterable(chain.from_iterable(sampler(mixing, epoch=epoch) for epoch in range(3))))

    large = Counter(position for position in drawn if position < 90)
    small = Counter(position for position in drawn if position >= 90)
    assert sum(large.values()) == sum(small.values()) == 150
    assert set(large.values()) == {1, 2}  # 150 draws of 90 rows
    assert set(small.values()) == {15}  # 150 draws of 10 rows


def test_a_data_set_of_weight_zero_is_left_out():
    assert set(names(sampler(Mixing(weights={"large": 0.0, "small": 1.0})))) == {"small"}


def test_the_order_depends_on_seed_and_epoch_alone():
    mixing = Mixing(temperature=2.0)

    assert list(sampler(mixing, epoch=4)) == list(sampler(mixing, epoch=4))
    assert list(sampler(mixing, epoch=4)) != list(sampler(mixing, epoch=5))
    assert list(sampler(mixing, epoch=4)) != list(sampler(mixing, epoch=4, seed=4))


def test_a_data_set_can_have_its_own_batch_size():
    batches = list(sampler(batch_sizes={"small": 5}))

    assert {len(batch) for batch in batches if batch[0] >= 90} == {5}
    assert {len(batch) for batch in batches if batch[0] < 90} == {2}
    assert sorted(chain.from_iterable(batches)) == list(range(100))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"temperature": 0.0}, "temperature 0.0 must be above 0"),
        ({"cap": 0}, "cap 0 must be at least 1"),
        ({"weights": {"large": 1.0}, "cap": 3}, "leave temperature and cap out"),
        ({"weights": {"large": -1.0}}, "must be 0 or more"),
    ],
)
def test_a_mixing_that_makes_no_sense_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Mixing(**fields)


def test_weights_must_name_the_data_sets():
    with pytest.raises(ValueError, match=r"weights name 'smal'; .*small"):
        sampler(Mixing(weights={"large": 1.0, "smal": 1.0}))
    with pytest.raises(ValueError, match=r"weights leave out \['small'\]"):
        sampler(Mixing(weights={"large": 1.0}))


def test_a_run_draws_by_temperature_and_logs_each_tasks_share_of_labels(new_model, trainer_for):
    rows = {"many": [row("a cat", pet=0)] * 8, "few": [row("a dog", loud=1)] * 2}
    run = {
        "per_device_train_batch_size": 1,
        "num_train_epochs": 1,
        "logging_steps": 10,
        "sampling_temperature": float("inf"),
    }
    trainer = trainer_for(new_model(PET, LOUD), rows, **run)
    trainer.train()

    logged = next(entry for entry in trainer.state.log_history if "share/pet" in entry)
    assert (logged["share/pet"], logged["share/loud"]) == (0.5, 0.5)
