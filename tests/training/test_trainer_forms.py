"""The ecosystem's other forms of a step: mixed precision, gradient checkpointing, torch.compile, with LoRA or thawing."""

import pytest
import torch

from polyhead.modeling.modeling_polyhead import PolyheadModel

from .conftest import COUNT, LOUD, PET, SAME, SLOTS, moved, weights
from .test_trainer_losses import SETS

# The older name is the one that all supported versions of transformers know.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning"),
    pytest.mark.filterwarnings(
        "ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"
    ),  # torch.compile
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),  # its compiler
]
TASKS = (PET, LOUD, COUNT, SLOTS, SAME)
STEADY = {"learning_rate": 1e-3, "lr_scheduler_type": "constant", "warmup_steps": 0, "per_device_train_batch_size": 3}
STEADY |= {"max_steps": 4, "logging_steps": 1, "thaw_every_steps": 1}
COMPILED = {"torch_compile": True, "torch_compile_backend": "eager"}
# With how far a step's loss may be from that of the plain run.
FORMS = {
    "bfloat16": ({"bf16": True}, 0.03),
    "checkpointing": ({"gradient_checkpointing": True}, 1e-5),
    "both, accumulated": ({"bf16": True, "gradient_checkpointing": True, "gradient_accumulation_steps": 2}, 0.03),
    "compiled": (COMPILED, 1e-5),
}


def losses(trainer):
    return [log["loss"] for log in trainer.state.log_history if "loss" in log]


@pytest.fixture
def train(new_model, trainer_for):
    def _train(**options):
        model = new_model(*TASKS)
        trainer = trainer_for(model, SETS, **{**STEADY, **options})
        before = weights(model)
        trainer.train()
        return trainer, moved(before, weights(model))

    return _train


@pytest.mark.parametrize("lora", [None, {"rank": 2}], ids=["whole", "LoRA"])
@pytest.mark.parametrize(
    "form", [pytest.param(form, marks=[pytest.mark.slow] if form == "compiled" else []) for form in FORMS]
)
def test_a_run_in_another_form_is_near_the_plain_one_and_leaves_an_ordinary_model(form, lora, train, tmp_path):
    options, distance = FORMS[form]
    plain, expected = train(lora=lora, gradient_accumulation_steps=options.get("gradient_accumulation_steps", 1))
    trainer, learned = train(lora=lora, **options)

    assert losses(trainer) == pytest.approx(losses(plain), abs=distance)
    assert learned == expected != set()
    kept = trainer.model.state_dict()
    assert {weight.dtype for weight in kept.values() if weight.is_floating_point()} == {torch.float32}
    if lora is None:
        trainer.save_model(str(tmp_path / "saved"))
        loaded = PolyheadModel.from_pretrained(tmp_path / "saved")
        assert moved(weights(trainer.model), weights(loaded)) == set()
        assert all(weight.isfinite().all() and weight.dtype == torch.float32 for weight in loaded.parameters())


@pytest.mark.slow
def test_a_run_compiled_to_machine_code_is_near_the_plain_one(train):
    plain, expected = train()
    trainer, learned = train(torch_compile=True)

    assert losses(trainer) == pytest.approx(losses(plain), abs=1e-4)
    assert learned == expected
