"""A task that no longer improves stops alone; the others take its place."""

import dataclasses

import pytest

from polyhead.training.data.sampling import MultiTaskBatchSampler
from polyhead.training.run.task_stopping import stopping_step

from ..conftest import LOUD, PET, moved, row, weights

PETS = [row(text, number, pet=number % 3) for number, text in enumerate(["a cat", "a dog", "the", "cat !"], 1)]
NOISE = [row(text, number, loud=number % 2) for number, text in enumerate(["x !", "y", "z !", "w"], 11)]
SETS = {"pets": PETS, "noise": NOISE}
BOTH = [row(text, number, pet=number % 3, loud=number % 2) for number, text in enumerate(["a", "b", "c", "d"], 1)]
# Only heads learn, and that of `loud` so slowly that its accuracy stands still; the loss of `pet` falls.
RUN = {"learning_rates": {"backbone": 0.0, "heads": 1e-2}, "head_multipliers": {"loud": 1e-6}, "weight_decay": 0.0}
RUN |= {"lr_scheduler_type": "constant", "per_device_train_batch_size": 2, "logging_steps": 1, "eval_strategy": "epoch"}
FALLING = dataclasses.replace(PET, metric="loss")


def watched(trainer):
    """The trainer, and the lines of the rows of each batch."""
    seen, collate = [], trainer.data_collator
    trainer.data_collator = lambda rows: seen.append(sorted(int(r.where.split(":")[1]) for r in rows)) or collate(rows)
    return trainer, seen


@pytest.mark.parametrize(
    ("metric", "values", "step"),
    [
        ("accuracy", [0.5, 0.6, 0.7], None),
        ("accuracy", [0.5, 0.5, 0.4], 3),
        ("accuracy", [0.5, 0.4, 0.6, 0.6, 0.6, 0.9], 5),
        ("loss", [0.5, 0.4, 0.3], None),
        ("loss", [0.5, 0.6, 0.7], 3),
    ],
)
def test_patience_runs_out_in_the_metrics_own_direction(metric, values, step):
    task = dataclasses.replace(PET, metric=metric)
    log = [{"step": number, f"eval_pet_{metric}": value} for number, value in enumerate(values, 1)]

    assert stopping_step(task, [{"step": 1, "loss": 9.0}, *log], patience=2) == step


@pytest.mark.parametrize("num_processes", [1, 2])
def test_a_stopped_data_set_gives_its_place_to_the_others_in_an_epoch_as_long(num_processes):
    sampler = MultiTaskBatchSampler(
        {"a": range(6), "b": range(6, 20), "c": range(20, 24)}, [1] * 24, 2, seed=3, num_processes=num_processes
    )
    before = list(sampler)
    sampler.stopped = frozenset(["b"])
    after = list(sampler)

    assert after == list(sampler)
    assert len(after) == len(before) == len(sampler)
    rows = [position for batch in after for position in batch]
    assert set(rows) == {*range(6), *range(20, 24)}
    # Five batches are left for twelve places: each comes twice or thrice.
    assert {rows.count(position) for position in set(rows)} == {2, 3}
    assert [new for new, old in zip(after, before, strict=True) if not 6 <= old[0] < 20] == [
        old for old in before if not 6 <= old[0] < 20
    ]


def test_a_task_that_does_not_improve_is_not_drawn_from_the_next_epoch_on(new_model, trainer_for):
    fields = {**RUN, "num_train_epochs": 3, "task_patience": 1}
    trainer, seen = watched(trainer_for(new_model(FALLING, LOUD), SETS, validation=SETS, **fields))
    trainer.train()

    epochs = [sorted(line for batch in seen[start : start + 4] for line in batch) for start in (0, 4, 8)]
    assert epochs[0] == epochs[1] == [1, 2, 3, 4, 11, 12, 13, 14]
    assert epochs[2] == [1, 1, 2, 2, 3, 3, 4, 4]
    logs = {entry["step"]: entry for entry in trainer.state.log_history if "share/pet" in entry}
    assert all("stopped/loud" not in logs[step] for step in range(1, 9))
    for step in range(9, 13):
        assert logs[step]["stopped/loud"] == 8
        assert (logs[step]["share/pet"], logs[step]["share/loud"]) == (1.0, 0.0)
        assert "loss/loud" not in logs[step]


def test_rows_of_live_tasks_are_drawn_on_and_the_stopped_ones_head_stands_still(new_model, trainer_for):
    found = []
    for epochs in (2, 3):
        model = new_model(FALLING, LOUD)
        fields = {**RUN, "num_train_epochs": epochs, "task_patience": 1}
        trainer, seen = watched(trainer_for(model, BOTH, validation=BOTH, **fields))
        trainer.train()
        found.append(weights(model))

    assert sorted(line for batch in seen[4:] for line in batch) == [1, 2, 3, 4]
    changed = moved(*found)
    assert any(name.startswith("polyhead.heads.pet.") for name in changed)
    assert not any(name.startswith("polyhead.heads.loud.") for name in changed)


def test_a_data_set_with_a_live_task_too_is_drawn_on(new_model, trainer_for):
    data = {"both": BOTH, "noise": NOISE}
    fields = {**RUN, "num_train_epochs": 3, "task_patience": 1}
    trainer, seen = watched(trainer_for(new_model(FALLING, LOUD), data, validation=data, **fields))
    trainer.train()

    assert trainer._task_stopping.steps == {"loud": 8}
    assert sorted(line for batch in seen[8:] for line in batch) == [1, 1, 2, 2, 3, 3, 4, 4]


def test_a_run_ends_in_the_middle_of_an_epoch_when_all_tasks_have_stopped(new_model, trainer_for):
    fields = {**RUN, "learning_rates": {"backbone": 0.0, "heads": 1e-9}, "num_train_epochs": 9, "task_patience": 1}
    fields |= {"eval_strategy": "steps", "eval_steps": 3}
    trainer = trainer_for(new_model(PET, LOUD), SETS, validation=SETS, **fields)
    trainer.train()

    assert trainer.state.global_step == 6  # of 4 steps an epoch


def test_a_run_ends_when_all_tasks_have_stopped(new_model, trainer_for):
    fields = {**RUN, "learning_rates": {"backbone": 0.0, "heads": 1e-9}, "num_train_epochs": 9, "task_patience": 2}
    trainer = trainer_for(new_model(PET, LOUD), SETS, validation=SETS, **fields)
    trainer.train()

    assert trainer.state.global_step == 12  # one epoch sets the values to beat, two do not


@pytest.mark.parametrize("step", [4, 6, 8, 10], ids=["before", "at the decision", "when it stops", "after"])
def test_a_run_resumed_around_a_stop_ends_bit_equal(step, new_model, trainer_for, tmp_path_factory):
    fields = {**RUN, "learning_rates": None, "learning_rate": 1e-2, "max_steps": 12, "task_patience": 2, "seed": 4}
    fields |= {"eval_strategy": "steps", "eval_steps": 2, "save_strategy": "steps", "save_steps": 2}
    fields |= {"freeze": [{"part": "backbone"}], "save_total_limit": None}
    folder, other_folder = (tmp_path_factory.mktemp(name) for name in "ab")
    whole = new_model(FALLING, LOUD, dropout=0.2)
    trainer, seen = watched(trainer_for(whole, SETS, validation=SETS, output_dir=str(folder), **fields))
    trainer.train()
    assert trainer._task_stopping.steps["loud"] == 6
    assert any(line > 10 for line in seen[6])  # the epoch of the decision goes on as it began
    assert all(line < 10 for batch in seen[8:12] for line in batch)

    other = new_model(FALLING, LOUD, dropout=0.2, seed=7)
    resumed = trainer_for(other, SETS, validation=SETS, output_dir=str(other_folder), **fields)
    resumed.train(resume_from_checkpoint=str(folder / f"checkpoint-{step}"))
    assert moved(weights(whole), weights(other)) == set()


def test_a_run_that_had_ended_is_not_trained_further_when_resumed(new_model, trainer_for, tmp_path_factory):
    fields = {**RUN, "learning_rates": {"backbone": 0.0, "heads": 1e-9}, "num_train_epochs": 9, "task_patience": 1}
    fields |= {"save_strategy": "epoch"}
    folder = tmp_path_factory.mktemp("a")
    trainer_for(new_model(PET, LOUD), SETS, validation=SETS, output_dir=str(folder), **fields).train()
    again = trainer_for(new_model(PET, LOUD), SETS, validation=SETS, **fields)
    again.train(resume_from_checkpoint=str(folder / "checkpoint-8"))

    assert again.state.global_step == 8
