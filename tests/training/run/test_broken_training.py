"""A loss or a weight that is NaN or infinite stops the run, and says where."""

import pytest
import torch
from transformers import TrainerCallback

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.training.run.broken_training import refuse_weights

from ..conftest import LOUD, PET, moved, row, weights

STARS = TaskConfig(name="stars", kind="regression")
STEADY = {"lr_scheduler_type": "constant", "warmup_steps": 0, "train_sampling_strategy": "random", "seed": 1}
SAVING = {"save_strategy": "steps", "save_steps": 1, "logging_steps": 1, "save_total_limit": None}


class Break(TrainerCallback):
    """Spoil a weight before a step."""

    def __init__(self, step, value, name="polyhead.heads.loud.output.bias"):
        self.step, self.value, self.name = step, value, name

    def on_step_begin(self, args, state, control, model=None, **kwargs):
        if state.global_step == self.step - 1:
            with torch.no_grad():
                model.get_parameter(self.name).fill_(self.value)


def rows(number):
    return [row(text, line, loud=line % 2, pet=line % 3) for line, text in enumerate(["a cat", "dog !"] * number, 1)]


def test_a_label_whose_loss_overflows_is_named_with_its_line(new_model, trainer_for):
    model = new_model(STARS, PET)
    before = weights(model)
    # (1e30)^2 is beyond float32.
    data = [row("cat", 1, stars=2.0, pet=0), row("dog", 2, stars=1e30), row("the", 3, pet=1), row("fox", 4, stars=1.0)]
    trainer = trainer_for(model, data, per_device_train_batch_size=4, num_train_epochs=1, **STEADY)

    with pytest.raises(
        FloatingPointError, match=r"training step 1 stopped.*task 'stars': loss inf on toy.jsonl:2\. .*labels"
    ):
        trainer.train()
    assert moved(before, weights(model)) == set()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_broken_head_stops_the_step_with_its_task_and_the_rows_of_the_batch(new_model, trainer_for, tmp_path, value):
    options = {**STEADY, **SAVING, "per_device_train_batch_size": 2, "max_steps": 9}
    trainer = trainer_for(new_model(PET, LOUD), rows(3), callbacks=[Break(3, value)], **options)

    with pytest.raises(FloatingPointError, match=r"training step 3 .*task 'loud': loss (nan|inf) on toy") as caught:
        trainer.train()
    assert "'pet'" not in str(caught.value)
    assert trainer.state.global_step == 2
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"checkpoint-1", "checkpoint-2"}
    last = PolyheadModel.from_pretrained(tmp_path / "run" / "checkpoint-2")
    assert all(weight.isfinite().all() for weight in last.parameters())


def test_a_broken_backbone_names_every_task_and_ten_rows_at_most(new_model, trainer_for):
    spoil = Break(1, float("nan"), "backbone.embeddings.LayerNorm.weight")
    options = {**STEADY, "per_device_train_batch_size": 24, "max_steps": 1}
    trainer = trainer_for(new_model(PET, LOUD), rows(12), callbacks=[spoil], **options)

    with pytest.raises(
        FloatingPointError, match=r"task 'pet': loss nan on .* and 14 more; task 'loud': loss nan on"
    ) as caught:
        trainer.train()
    assert str(caught.value).count("toy.jsonl") == 20


def test_weights_that_break_in_the_optimizer_are_not_saved(new_model, trainer_for, tmp_path):
    class Spoil(TrainerCallback):
        def on_optimizer_step(self, args, state, control, model=None, **kwargs):
            with torch.no_grad():
                model.get_parameter("polyhead.heads.loud.output.bias").fill_(float("nan"))

    options = {**STEADY, **SAVING, "max_steps": 2, "per_device_train_batch_size": 2}
    trainer = trainer_for(new_model(PET, LOUD), rows(2), callbacks=[Spoil()], **options)

    with pytest.raises(
        FloatingPointError, match=r"1 weights .* after training step 1, such as polyhead.heads.loud.output.bias"
    ):
        trainer.train()
    assert list((tmp_path / "run").glob("*/model.safetensors")) == []


def test_a_task_without_weight_in_the_sum_may_not_hide_its_broken_loss(new_model, trainer_for):
    silent = TaskConfig(name="stars", kind="regression", weight=0.0)
    trainer = trainer_for(new_model(silent), [row("cat", stars=1e30)], max_steps=1, **STEADY)

    with pytest.raises(FloatingPointError, match=r"task 'stars': loss inf on toy.jsonl:1"):
        trainer.train()


def test_sound_weights_pass(new_model):
    refuse_weights(new_model(PET), "now")
