"""Memory that runs out is told by batch, length and tasks, whoever asked for it."""

import pytest
import torch
from transformers import TrainerCallback

from polyhead.modeling.modeling_polyhead import PolyheadModel

from ..conftest import LOUD, PET, row

STEPS = {"per_device_train_batch_size": 2, "max_steps": 4, "train_sampling_strategy": "random"}
ROWS = [row("the cat dog", 1, pet=0, loud=1), row("cat", 2, pet=1)] * 4


def greedy():
    """Ask for more memory than any machine has: 4 EiB."""
    torch.empty(2**60, dtype=torch.float32)


class At(TrainerCallback):
    """Do something at a moment of a step."""

    def __init__(self, moment, step, action):
        def act(args, state, control, **kwargs):
            if state.global_step + 1 == step:
                action()

        setattr(self, moment, act)


def make_greedy(model, name):
    model.get_submodule(name).register_forward_pre_hook(lambda module, inputs: greedy())


def test_a_batch_that_memory_does_not_hold_is_told_by_rows_length_and_tasks(new_model, trainer_for):
    model = new_model(PET, LOUD)
    make_greedy(model, "polyhead.heads.loud")
    trainer = trainer_for(model, ROWS, **STEPS)

    # [CLS] the cat dog [SEP]
    with pytest.raises(
        MemoryError,
        match=r"in training step 1, for a batch of 2 rows, the longest of 5 tokens, of tasks pet, loud\. "
        r"Lower train.per_device_train_batch_size .* or model.max_length.* Said: .*can't allocate memory",
    ):
        trainer.train()


def test_memory_that_the_optimizer_lacks_is_told_alike(new_model, trainer_for):
    trainer = trainer_for(new_model(PET, LOUD), ROWS, callbacks=[At("on_pre_optimizer_step", 2, greedy)], **STEPS)

    with pytest.raises(MemoryError, match=r"in training step 2, for a batch of 2 rows"):
        trainer.train()


def test_both_texts_of_a_pair_count_for_the_longest(new_model, trainer_for, all_tasks):
    (task,) = [task for task in all_tasks() if task.name == "entails"]
    model = new_model(task)
    make_greedy(model, "polyhead.heads.entails")

    with pytest.raises(MemoryError, match=r"a batch of 1 row, the longest of 6 tokens, of tasks entails\."):
        trainer_for(model, [row(("cat", "the cat the dog"), entails=1)], max_steps=1).train()


def test_checkpoints_before_it_are_whole(new_model, trainer_for, tmp_path):
    saving = {"save_strategy": "steps", "save_steps": 1, "save_total_limit": None}
    trainer = trainer_for(new_model(PET, LOUD), ROWS, callbacks=[At("on_step_begin", 3, greedy)], **STEPS, **saving)

    with pytest.raises(MemoryError, match="Checkpoints already written are sound"):
        trainer.train()
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"checkpoint-1", "checkpoint-2"}
    PolyheadModel.from_pretrained(tmp_path / "run" / "checkpoint-2")


def test_memory_that_is_lacking_before_the_first_batch_is_told_without_one(new_model, trainer_for):
    trainer = trainer_for(new_model(PET, LOUD), ROWS, callbacks=[At("on_step_begin", 1, greedy)], **STEPS)

    with pytest.raises(MemoryError, match=r"in training step 1, before its batch was read\. Lower train\.per_device"):
        trainer.train()


def test_memory_that_evaluation_lacks_is_told_as_such(new_model, trainer_for):
    model = new_model(PET, LOUD)
    head = model.get_submodule("polyhead.heads.loud")
    head.register_forward_pre_hook(lambda module, inputs: None if module.training else greedy())
    trainer = trainer_for(model, ROWS, ROWS, eval_strategy="steps", eval_steps=2, **STEPS)

    with pytest.raises(MemoryError, match=r"ran out after training step 2, while measuring\. Lower model\.max"):
        trainer.train()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("no room"),
        torch.OutOfMemoryError("CUDA out of memory. Tried 2 GiB"),
        torch.OutOfMemoryError("Allocation on device"),
        RuntimeError("MPS backend out of memory"),
    ],
    ids=str,
)
def test_memory_of_the_processor_and_of_a_gpu_end_alike(new_model, trainer_for, error):
    class Fail(TrainerCallback):
        def on_substep_end(self, *args, **kwargs):
            raise error

    trainer = trainer_for(new_model(PET), ROWS, callbacks=[Fail()], gradient_accumulation_steps=2, **STEPS)

    with pytest.raises(
        MemoryError, match=r"in training step 1, for a batch of 2 rows.* Said: (no room|CUDA out|Alloc|MPS)"
    ):
        trainer.train()


def test_other_errors_pass_as_they_are(new_model, trainer_for):
    class Fail(TrainerCallback):
        def on_step_begin(self, *args, **kwargs):
            raise RuntimeError("the wheels came off")

    with pytest.raises(RuntimeError, match=r"^the wheels came off$"):
        trainer_for(new_model(PET), ROWS, callbacks=[Fail()], **STEPS).train()
