"""Whatever `optim` names gets our groups with their rates."""

import pytest
import torch

from ..conftest import LOUD, PET, moved, row, weights

ROWS = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2, loud=0), row("cat !", pet=0)]
RUN = {"learning_rates": {"backbone": 1e-3, "heads": 1e-2}, "max_steps": 2, "warmup_steps": 0, "logging_steps": 1}
RUN |= {"lr_scheduler_type": "constant"}


@pytest.mark.parametrize("optim", ["adamw_torch", "adamw_torch_fused", "sgd", "adafactor", "rmsprop"])
def test_an_optimizer_trains_all_that_is_not_frozen_at_the_groups_rates(optim, new_model, trainer_for):
    model = new_model(PET, LOUD)
    before = weights(model)
    trainer = trainer_for(model, ROWS, optim=optim, freeze=[{"part": "embeddings"}], **RUN)
    trainer.train()

    changed = moved(before, weights(model))
    assert any("layer.0." in name for name in changed)
    assert any("heads.pet" in name for name in changed)
    assert not any("embeddings" in name for name in changed)
    log = trainer.state.log_history[0]
    assert (log["lr/backbone"], log["lr/heads"]) == (1e-3, 1e-2)


def test_the_default_is_fused_adamw_also_on_the_cpu(new_model, trainer_for):
    trainer = trainer_for(new_model(PET), ROWS, **RUN)
    optimizer = trainer.create_optimizer()

    assert isinstance(optimizer, torch.optim.AdamW)
    assert {group["fused"] for group in optimizer.param_groups} == {True}


def test_a_first_step_of_sgd_moves_each_group_by_its_own_rate(new_model, trainer_for):
    steps = {}
    for factor in (1, 2):
        model = new_model(PET)
        before = weights(model)
        rates = {"backbone": 1e-3, "heads": factor * 1e-3}
        fields = {**RUN, "max_steps": 1, "learning_rates": rates, "max_grad_norm": 0.0, "weight_decay": 0.0}
        trainer_for(model, ROWS, optim="sgd", **fields).train()
        steps[factor] = {name: (weights(model)[name] - before[name]).abs().max().item() for name in before}

    head, layer = "polyhead.heads.pet.output.weight", "backbone.encoder.layer.1.output.dense.weight"
    assert steps[2][head] == pytest.approx(2 * steps[1][head], rel=1e-3)
    assert steps[2][layer] == steps[1][layer]


@pytest.mark.parametrize(
    ("optim", "message"),
    [
        ("adamw_bnb_8bit", r"optim 'adamw_bnb_8bit' cannot be used: .*bitsandbytes.*`optim: adamw_torch_fused`"),
        ("galore_adamw", r"optim 'galore_adamw' cannot be used: .*`optim: adamw_torch_fused`"),
    ],
)
def test_an_optimizer_that_is_not_there_is_named(optim, message, new_model, trainer_for):
    with pytest.raises(ValueError, match=message):
        trainer_for(new_model(PET), ROWS, optim=optim, **RUN).create_optimizer()
