"""Which data sets share batches, and what a batch of several holds."""

import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.data.batch_groups import batch_groups
from polyhead.training.data.sampling import MultiTaskBatchSampler

from ..conftest import COUNT, LOUD, PET, SAME, as_dataset, row

RANKED = TaskConfig(name="alike", kind="pair_similarity", loss="cosent")
DATA = {
    "pets": [row("a cat", n, pet=n % 3) for n in range(6)],
    "noise": [row("x !", n, loud=n % 2) for n in range(10)],
    "counted": [row("y y", n, count=2.0) for n in range(2)],
    "same": [row(("a", "b"), n, same=1) for n in range(4)],
    "ranked": [row(("a", "b"), n, alike=0.5) for n in range(4)],
}


@pytest.fixture
def dataset(new_model):
    return as_dataset(new_model(PET, LOUD, COUNT, SAME, RANKED), DATA)


def test_single_texts_share_batches_and_pairs_and_rows_that_are_ranked_do_not(dataset):
    assert batch_groups(dataset, []) == [["pets", "noise", "counted"], ["same"], ["ranked"]]


def test_a_data_set_with_a_batch_size_of_its_own_is_alone(dataset):
    assert batch_groups(dataset, ["noise"]) == [["pets", "counted"], ["noise"], ["same"], ["ranked"]]


def sampler(dataset, **options):
    lengths = [len(example) for example in dataset.examples]
    return MultiTaskBatchSampler(dataset.ranges, lengths, 6, 0, groups=batch_groups(dataset, []), **options)


def sources(dataset, batch):
    return sorted({name for name, rows in dataset.ranges.items() for position in batch if position in rows})


def test_a_batch_has_rows_of_one_group_and_an_epoch_has_every_row_once(dataset):
    batches = list(sampler(dataset))

    assert sorted(position for batch in batches for position in batch) == list(range(26))
    assert len(sampler(dataset)) == len(batches) == 3 + 1 + 1
    told = [sources(dataset, batch) for batch in batches]
    assert sorted(told) == [["counted", "noise", "pets"]] * 2 + [["noise", "pets"]] + [["ranked"], ["same"]]


def test_a_stopped_data_set_leaves_its_rows_of_a_batch_to_the_others(dataset):
    drawn = sampler(dataset)
    drawn.stopped = frozenset(["noise", "same"])
    batches = list(drawn)

    assert list(drawn) == batches
    assert len(batches) == len(drawn) == 5
    assert {name for batch in batches for name in sources(dataset, batch)} == {"pets", "counted", "ranked"}
    shared = [batch for batch in batches if "pets" in sources(dataset, batch)]
    assert [len(batch) for batch in shared].count(6) == len(shared)  # full, though 10 of 18 rows are gone


def test_the_trainers_batches_are_of_one_data_set_where_that_is_asked(new_model, trainer_for):
    model = new_model(PET, LOUD)
    data = {"pets": DATA["pets"], "noise": DATA["noise"]}

    def tasks_by_batch(**fields):
        trainer = trainer_for(model, data, per_device_train_batch_size=4, **fields)
        return [sorted(batch["labels"]) for batch in trainer.get_train_dataloader()]

    assert tasks_by_batch() == [["loud", "pet"]] * 4
    assert sorted(tasks_by_batch(heterogeneous_batches=False)) == [["loud"]] * 3 + [["pet"]] * 2


def test_each_task_of_a_batch_has_the_mean_over_its_own_rows(new_model, trainer_for):
    model = new_model(PET, LOUD)
    trainer = trainer_for(model, {"pets": DATA["pets"], "noise": DATA["noise"]}, per_device_train_batch_size=16)
    (batch,) = trainer.get_train_dataloader()
    num_items = trainer._get_num_items_in_batch([batch], model.device)

    assert {name: int(count) for name, count in num_items.items()} == {"pet": 6, "loud": 10}
