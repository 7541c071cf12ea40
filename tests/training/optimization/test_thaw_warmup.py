"""What thaws starts at a rate of 0 and rises to where the scheduler is by then."""

import pytest

from polyhead.training.optimization.freezing import FreezeRule, parameters_of
from polyhead.training.optimization.thaw_warmup import ThawWarmupCallback, thaw_factor
from polyhead.training.planning import plan_run

from ..conftest import LOUD, PET, moved, row, weights
from .test_freezing import ARCHITECTURES, UNUSED

ROWS = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2, loud=0), row("cat !", pet=0)]
RUN = {"learning_rate": 0.01, "lr_scheduler_type": "constant", "max_steps": 8, "logging_steps": 1, "weight_decay": 0.5}
RUN |= {"per_device_train_batch_size": 2}
SAVING = {"save_strategy": "steps", "save_steps": 1, "save_total_limit": None}


def logged(trainer, name):
    return [entry[f"lr/{name}"] for entry in trainer.state.log_history if f"lr/{name}" in entry]


def planned(trainer):
    return {group.name: group.rates for group in plan_run(trainer, 0).groups}


def test_the_rate_of_a_thawed_group_rises_from_zero_and_the_others_stay(new_model, trainer_for):
    fields = {**RUN, "freeze": [{"part": "backbone", "until_step": 2}], "thaw_warmup_steps": 4}
    trainer = trainer_for(new_model(PET, LOUD), ROWS, **fields)
    trainer.train()

    expected = pytest.approx([0, 0, 0, 0.0025, 0.005, 0.0075, 0.01, 0.01])
    assert logged(trainer, "backbone") == logged(trainer, "embeddings") == expected
    assert logged(trainer, "heads") == [0.01] * 8
    plan = planned(trainer_for(new_model(PET, LOUD), ROWS, **fields))
    assert plan["backbone"] == expected
    assert plan["heads"] == [0.01] * 8


@pytest.mark.parametrize("accumulated", [1, 2])
def test_the_scheduler_goes_on_beneath(accumulated, new_model, trainer_for):
    fields = {**RUN, "lr_scheduler_type": "linear", "warmup_steps": 2, "thaw_warmup_steps": 0.25}
    fields |= {"per_device_train_batch_size": 2 // accumulated, "gradient_accumulation_steps": accumulated}
    # Two steps an epoch: epoch 1.5 ends with step 3; a quarter of 8 steps is 2.
    trainer = trainer_for(new_model(PET, LOUD), ROWS, freeze=[{"part": "backbone", "until_epoch": 1.5}], **fields)
    trainer.train()

    linear = [0.01 * share for share in (0, 1 / 2, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6)]
    factors = (0, 0, 0, 0, 1 / 2, 1, 1, 1)
    assert logged(trainer, "heads") == pytest.approx(linear)
    assert logged(trainer, "backbone") == pytest.approx([a * b for a, b in zip(linear, factors, strict=True)])


def test_a_plateau_lowers_the_scheduled_rate_and_not_the_one_of_the_warm_up(new_model, trainer_for):
    fields = {**RUN, "learning_rate": 1e-8, "lr_scheduler_type": "reduce_lr_on_plateau", "thaw_warmup_steps": 4}
    fields |= {
        "eval_strategy": "steps",
        "eval_steps": 1,
        "lr_scheduler_kwargs": {"factor": 0.5, "patience": 2, "eps": 0},
    }
    freeze = [{"part": "backbone", "until_step": 2}]
    trainer = trainer_for(new_model(PET, LOUD), ROWS, validation=ROWS, freeze=freeze, **fields)
    trainer.train()

    # It halves after evaluations 4 and 7, each the third without a rise.
    scheduled = [1e-8] * 4 + [5e-9] * 3 + [2.5e-9]
    assert logged(trainer, "heads") == scheduled
    factors = (0, 0, 0, 1 / 4, 2 / 4, 3 / 4, 1, 1)
    assert logged(trainer, "backbone") == pytest.approx([a * b for a, b in zip(scheduled, factors, strict=True)])


@pytest.mark.parametrize("length", [{"num_train_epochs": 1.5, "max_steps": -1}, {"max_steps": 6}])
def test_an_epoch_is_a_pass_over_the_data_in_a_run_that_ends_within_one(length, new_model, trainer_for):
    rows = [row(text, number, pet=number % 3) for number, text in enumerate(["a", "b", "c", "d", "e", "f", "g", "h"])]
    fields = {**RUN, "freeze": [{"part": "backbone", "until_epoch": 1}], "thaw_warmup_steps": 1, **length}
    trainer = trainer_for(new_model(PET), rows, **fields)
    trainer.train()

    assert logged(trainer, "backbone") == [0, 0, 0, 0, 0, 0.01]


@pytest.mark.parametrize("backbone", ARCHITECTURES)
def test_at_the_first_step_after_the_thaw_weights_stand_still_and_then_they_move(backbone, new_model, trainer_for):
    fields = {**RUN, "freeze": [{"part": "backbone", "until_step": 1}], "thaw_warmup_steps": 2}
    model = new_model(PET, LOUD, backbone=backbone)
    before, thawed = weights(model), set(parameters_of(model, "backbone"))
    trainer_for(model, ROWS, **{**fields, "max_steps": 2}).train()
    assert not moved(before, weights(model)) & thawed
    assert moved(before, weights(model))

    model = new_model(PET, LOUD, backbone=backbone)
    trainer_for(model, ROWS, **{**fields, "max_steps": 3}).train()
    assert moved(before, weights(model)) >= {name for name in thawed if UNUSED not in name}


def test_gradual_unfreezing_splits_the_backbone_by_layer(new_model, trainer_for):
    fields = {**RUN, "thaw_every_steps": 2, "thaw_warmup_steps": 2}
    trainer = trainer_for(new_model(PET, LOUD), ROWS, **fields)
    trainer.train()

    expected = {
        "heads": [0.01] * 8,
        "backbone:layers.1": [0, 0, 0, 0.005, 0.01, 0.01, 0.01, 0.01],
        "backbone:layers.0": [0, 0, 0, 0, 0, 0.005, 0.01, 0.01],
        "embeddings": [0, 0, 0, 0, 0, 0, 0, 0.005],
    }
    names = {group["name"].removesuffix("_no_decay") for group in trainer.optimizer.param_groups}
    assert names == set(expected)
    plan = planned(trainer_for(new_model(PET, LOUD), ROWS, **fields))
    for name, rates in expected.items():
        assert logged(trainer, name) == pytest.approx(rates)
        assert plan[name] == pytest.approx(rates)


def test_a_group_is_split_where_only_a_part_of_it_thaws(new_model, trainer_for):
    fields = {**RUN, "freeze": [{"part": "layers.1", "until_step": 2}], "thaw_warmup_steps": 4}
    model = new_model(PET, LOUD)
    trainer = trainer_for(model, ROWS, **fields)
    trainer.train()

    assert logged(trainer, "backbone") == [0.01] * 8
    assert logged(trainer, "backbone:layers.1") == pytest.approx([0, 0, 0, 0.0025, 0.005, 0.0075, 0.01, 0.01])
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    held = [names[id(parameter)] for group in trainer.optimizer.param_groups for parameter in group["params"]]
    assert sorted(held) == sorted(names.values())


def test_a_part_that_freezes_again_warms_up_again():
    rules = [FreezeRule(part="heads", until_step=2), FreezeRule(part="heads", from_step=5, until_step=6)]

    factors = [thaw_factor(rules, step, steps_per_epoch=100, warmup_steps=2) for step in range(9)]
    assert factors == [0, 0, 0, 0.5, 1, 0, 0, 0.5, 1]


def test_a_rule_that_lies_between_two_steps_freezes_and_warms_nothing():
    rule = FreezeRule(part="heads", from_epoch=0.11, until_epoch=0.19)

    assert [thaw_factor([rule], step, steps_per_epoch=10, warmup_steps=4) for step in range(4)] == [1, 1, 1, 1]


@pytest.mark.parametrize("schedule", ["linear", "constant"])
def test_resuming_in_the_middle_of_a_warm_up_ends_bit_equal(schedule, new_model, trainer_for, tmp_path):
    fields = {**RUN, "lr_scheduler_type": schedule, "thaw_every_steps": 2, "thaw_warmup_steps": 3, **SAVING}
    whole = new_model(PET, LOUD, dropout=0.2)
    trainer_for(whole, ROWS, output_dir=str(tmp_path / "a"), **fields).train()
    for step in (3, 5):
        other = new_model(PET, LOUD, dropout=0.2, seed=7)
        trainer = trainer_for(other, ROWS, output_dir=str(tmp_path / "b"), **fields)
        trainer.train(resume_from_checkpoint=str(tmp_path / "a" / f"checkpoint-{step}"))

        assert moved(weights(whole), weights(other)) == set()


def test_without_it_groups_and_weights_are_as_before(new_model, trainer_for):
    trainer = trainer_for(new_model(PET, LOUD), ROWS, thaw_every_steps=2, **{**RUN, "max_steps": 1})
    trainer.train()

    assert not any(isinstance(callback, ThawWarmupCallback) for callback in trainer.callback_handler.callbacks)
    assert not any(":" in group["name"] for group in trainer.optimizer.param_groups)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"thaw_warmup_steps": -1, "thaw_every_steps": 2}, r"thaw_warmup_steps: -1 is no number of steps"),
        (
            {"thaw_warmup_steps": 3},
            r"thaw_warmup_steps: 3 came, but nothing thaws; give a `freeze` rule an until_epoch",
        ),
        ({"thaw_warmup_steps": 3, "freeze": [{"part": "heads"}]}, r"thaw_warmup_steps: 3 came, but nothing thaws"),
    ],
)
def test_a_warm_up_that_cannot_be_is_refused(fields, message, arguments):
    with pytest.raises(ValueError, match=message):
        arguments(**fields)
