"""Every group's rate at every step, by hand, under each kind of schedule; what the log says is what the plan said."""

import math

import pytest

from polyhead.training.planning import plan_run

from ..conftest import LOUD, PET, row

ROWS = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2, loud=0), row("cat !", pet=0)]
RATES = {"embeddings": 0.001, "backbone": 0.002, "heads": 0.004}
RUN = {"learning_rates": RATES, "max_steps": 8, "warmup_steps": 2, "logging_steps": 1, "per_device_train_batch_size": 2}
# The share of a group's own rate, step by step: two steps of warm-up, then six of the fall.
LINEAR = [0, 1 / 2, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]
SCHEDULES = {
    "linear": LINEAR,
    "cosine": [0, 1 / 2, *[(1 + math.cos(math.pi * step / 6)) / 2 for step in range(6)]],
    "constant_with_warmup": [0, 1 / 2, 1, 1, 1, 1, 1, 1],
    "constant": [1] * 8,  # it knows no warm-up
}


def logged(trainer, name="heads"):
    return [entry[f"lr/{name}"] for entry in trainer.state.log_history if f"lr/{name}" in entry]


@pytest.mark.parametrize("accumulated", [1, 2])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_group_has_its_own_rate_at_every_step(schedule, accumulated, new_model, trainer_for):
    fields = {**RUN, "lr_scheduler_type": schedule, "gradient_accumulation_steps": accumulated}
    fields["per_device_train_batch_size"] = 2 // accumulated
    trainer = trainer_for(new_model(PET, LOUD), ROWS, **fields)
    trainer.train()
    plan = {group.name: group.rates for group in plan_run(trainer_for(new_model(PET, LOUD), ROWS, **fields), 0).groups}

    for name, rate in RATES.items():
        expected = pytest.approx([share * rate for share in SCHEDULES[schedule]])
        assert logged(trainer, name) == expected
        assert plan[name] == expected


def test_a_resumed_run_goes_on_in_the_middle_of_the_schedule(new_model, trainer_for, tmp_path):
    fields = {**RUN, "save_strategy": "steps", "save_steps": 3, "save_total_limit": None}
    trainer_for(new_model(PET, LOUD), ROWS, output_dir=str(tmp_path / "a"), **fields).train()
    resumed = trainer_for(new_model(PET, LOUD), ROWS, **RUN)
    resumed.train(resume_from_checkpoint=str(tmp_path / "a" / "checkpoint-3"))

    assert logged(resumed) == pytest.approx([share * RATES["heads"] for share in LINEAR])


PLATEAU = {"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "steps", "eval_steps": 1, "learning_rate": 0.0}
PLATEAU |= {"max_steps": 6, "logging_steps": 1, "learning_rates": {"backbone": 1e-9, "heads": 1e-8}}


def test_reduce_on_plateau_halves_all_rates_when_the_score_stands_still(new_model, trainer_for):
    # At such rates the score never moves: after the first evaluation, two without a rise are borne, the next one halves.
    kwargs = {"factor": 0.5, "patience": 2, "eps": 0.0}
    trainer = trainer_for(new_model(PET, LOUD), ROWS, validation=ROWS, lr_scheduler_kwargs=kwargs, **PLATEAU)
    trainer.train()

    assert logged(trainer, "heads") == [1e-8] * 4 + [5e-9] * 2
    assert logged(trainer, "backbone") == [1e-9] * 4 + [5e-10] * 2


@pytest.mark.parametrize("schedule", ["reduce_lr_on_plateau", "greedy"])
def test_a_rising_score_is_no_plateau_and_a_rising_loss_is(schedule, arguments):
    fields = {"lr_scheduler_type": schedule, "eval_strategy": "epoch"}

    assert arguments(**fields).lr_scheduler_kwargs == {"mode": "max"}
    assert arguments(metric_for_best_model="loss", **fields).lr_scheduler_kwargs == {"mode": "min"}
    assert arguments(lr_scheduler_kwargs={"factor": 0.5}, **fields).lr_scheduler_kwargs == {
        "mode": "max",
        "factor": 0.5,
    }


def test_the_plan_says_that_such_rates_depend_on_scores(new_model, trainer_for):
    plan = plan_run(trainer_for(new_model(PET, LOUD), ROWS, validation=ROWS, **PLATEAU), 0)

    assert plan.depends_on_scores
    assert {group.name: group.rates for group in plan.groups}["heads"] == [1e-8] * 6
    assert not plan_run(trainer_for(new_model(PET, LOUD), ROWS, **RUN), 0).depends_on_scores
