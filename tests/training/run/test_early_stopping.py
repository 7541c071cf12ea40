"""The multi-task score ends a run that it no longer rises in, and a resumed run ends where the whole one did."""

import dataclasses

import pytest

from ..conftest import LOUD, PET, moved, row, weights

ROWS = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2, loud=0), row("cat !", pet=0)]
RUN = {"learning_rate": 1e-9, "max_steps": 9, "eval_strategy": "steps", "eval_steps": 1, "early_stopping_patience": 3}
RUN |= {"save_strategy": "steps", "save_steps": 1, "save_total_limit": None, "per_device_train_batch_size": 2}


def test_a_run_ends_when_the_score_has_not_risen_for_its_patience(new_model, trainer_for):
    trainer = trainer_for(new_model(PET, LOUD), ROWS, validation=ROWS, **RUN)
    trainer.train()

    assert trainer.state.global_step == 4  # the first evaluation sets the best score, three do not raise it


def test_a_score_that_rises_goes_on(new_model, trainer_for):
    pet, loud = (dataclasses.replace(task, metric="loss") for task in (PET, LOUD))
    fields = {**RUN, "learning_rate": 1e-2, "early_stopping_patience": 1, "max_steps": 5, "warmup_steps": 0}
    trainer = trainer_for(new_model(pet, loud), ROWS, validation=ROWS, **fields)
    trainer.train()

    assert trainer.state.global_step == 5


def test_the_score_is_weighted(new_model, trainer_for):
    pet, loud = dataclasses.replace(PET, score_weight=3.0), dataclasses.replace(LOUD, score_weight=1.0)
    trainer = trainer_for(new_model(pet, loud), ROWS, validation=ROWS, **RUN)
    trainer.train()

    entry = next(entry for entry in trainer.state.log_history if "eval_score" in entry)
    assert entry["eval_pet_accuracy"] != entry["eval_loud_accuracy"]
    assert entry["eval_score"] == (3 * entry["eval_pet_accuracy"] + entry["eval_loud_accuracy"]) / 4


@pytest.mark.parametrize("step", [1, 3, 4], ids=["early", "before the last", "already over"])
def test_a_resumed_run_counts_on_and_ends_at_the_same_step(step, new_model, trainer_for, tmp_path):
    whole = new_model(PET, LOUD, dropout=0.2)
    trainer_for(whole, ROWS, validation=ROWS, output_dir=str(tmp_path / "a"), **RUN).train()
    other = new_model(PET, LOUD, dropout=0.2, seed=7)
    trainer = trainer_for(other, ROWS, validation=ROWS, output_dir=str(tmp_path / "b"), **RUN)
    trainer.train(resume_from_checkpoint=str(tmp_path / "a" / f"checkpoint-{step}"))

    assert trainer.state.global_step == 4
    assert moved(weights(whole), weights(other)) == set()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"early_stopping_patience": 0, "eval_strategy": "epoch"}, r"early_stopping_patience: 0 came.*at least 1"),
        ({"early_stopping_patience": 3}, r"early_stopping_patience: 3 came, but nothing is measured on the way"),
    ],
)
def test_a_patience_that_cannot_be_is_refused(fields, message, arguments):
    with pytest.raises(ValueError, match=message):
        arguments(**fields)
