import pytest
import torch
from transformers import Trainer, TrainingArguments

from polyhead.training.data.collation import Collator
from polyhead.training.optimization.freeze_callback import FreezeCallback
from polyhead.training.optimization.freezing import FreezeRule, frozen_parameters, gradual_unfreezing, parameters_of
from polyhead.training.optimization.parameter_groups import parameter_groups

from ..conftest import LOUD, PET, as_dataset, moved, row, weights

ROWS = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2, loud=0), row("cat !", pet=0)]
FAST = {"learning_rate": 1e-2, "weight_decay": 0.5, "warmup_steps": 0, "per_device_train_batch_size": 2}
ARCHITECTURES = ["BERT", "DistilBERT", "ALBERT", "ModernBERT"]
UNUSED = "pooler"  # no gradient ever reaches BERT's pooler


@pytest.mark.parametrize("backbone", ARCHITECTURES)
@pytest.mark.parametrize("part", ["encoder", "backbone", "embeddings", "heads", "heads.pet", "bottom.1", "layers.1"])
def test_a_frozen_part_stays_bit_equal_and_everything_else_moves(part, backbone, new_model, trainer_for):
    model = new_model(PET, LOUD, backbone=backbone)
    before, frozen = weights(model), set(parameters_of(model, part))
    trainer_for(model, ROWS, max_steps=2, freeze=[{"part": part}], **FAST).train()

    usable = {name for name in before if UNUSED not in name}
    assert moved(before, weights(model)) & usable == usable - frozen


@pytest.mark.parametrize("settings", [{"projection_dim": 8}, {"pooling": "attention"}, {"mix_last_layers": 2}], ids=str)
def test_a_frozen_encoder_gives_the_same_embedding_after_training_and_a_frozen_backbone_does_not(
    settings, new_model, trainer_for
):
    def movement(part):
        model = new_model(PET, LOUD, **settings)
        before = model.encode(["a cat", "a dog !"])
        trainer_for(model, ROWS, max_steps=2, freeze=[{"part": part}], **FAST).train()
        return abs(model.encode(["a cat", "a dog !"]) - before).max()

    assert movement("encoder") == 0
    assert movement("backbone") > 0


def test_everything_frozen_trains_nothing_and_still_runs(new_model, trainer_for):
    model = new_model(PET, LOUD)
    before = weights(model)
    trainer_for(model, ROWS, max_steps=2, freeze=[{"part": "everything"}], **FAST).train()

    assert moved(before, weights(model)) == set()


@pytest.mark.parametrize("backbone", ARCHITECTURES)
def test_a_backbone_thaws_at_its_step_and_moves_from_then_on(backbone, new_model, trainer_for):
    model = new_model(PET, LOUD, backbone=backbone)
    before = weights(model)
    freeze = [{"part": "backbone", "until_step": 2}]
    trainer_for(model, ROWS, max_steps=2, lr_scheduler_type="constant", freeze=freeze, **FAST).train()
    assert not any(name.startswith("backbone.") for name in moved(before, weights(model)))

    model = new_model(PET, LOUD, backbone=backbone)
    trainer_for(model, ROWS, max_steps=3, lr_scheduler_type="constant", freeze=freeze, **FAST).train()
    assert {name for name in before if name.startswith("backbone.") and UNUSED not in name} <= moved(
        before, weights(model)
    )


def test_a_part_can_freeze_again(new_model):
    model = new_model(PET)
    rules = [FreezeRule(part="heads", from_step=2, until_step=4), FreezeRule(part="heads", from_epoch=3.0)]
    parts = [(rule, parameters_of(model, rule.part)) for rule in rules]

    is_frozen = [bool(frozen_parameters(parts, step, steps_per_epoch=2)) for step in range(8)]

    assert is_frozen == [False, False, True, True, False, False, True, True]


def test_gradual_unfreezing_thaws_from_the_top_down(new_model):
    model = new_model(PET)
    parts = [(rule, parameters_of(model, rule.part)) for rule in gradual_unfreezing(model, every_epochs=0.5)]

    def trainable(step):
        frozen = frozen_parameters(parts, step, steps_per_epoch=10)
        names = {
            "embeddings.word",
            "layer.0.attention.self.query.w",
            "layer.1.attention.self.query.w",
            "heads.pet.output.w",
        }
        return sorted(part for part in names if not any(part in name for name in frozen))

    assert trainable(4) == ["heads.pet.output.w"]
    assert trainable(5) == ["heads.pet.output.w", "layer.1.attention.self.query.w"]
    assert trainable(10) == ["heads.pet.output.w", "layer.0.attention.self.query.w", "layer.1.attention.self.query.w"]
    assert len(trainable(15)) == 4


def test_gradual_unfreezing_in_a_run_moves_lower_layers_later(new_model, trainer_for):
    model = new_model(PET, LOUD)
    before = weights(model)
    trainer_for(model, ROWS, max_steps=3, lr_scheduler_type="constant", thaw_every_steps=2, **FAST).train()

    changed = moved(before, weights(model))
    assert any("layer.1." in name for name in changed)
    assert not any("layer.0." in name or "embeddings" in name for name in changed)


@pytest.mark.parametrize("backbone", ARCHITECTURES)
def test_resuming_in_the_middle_of_thawing_ends_bit_equal(backbone, new_model, trainer_for, tmp_path):
    run = {"max_steps": 6, "thaw_every_steps": 2, "layer_decay": 0.8, "save_strategy": "steps", "save_steps": 3, **FAST}
    whole = new_model(PET, LOUD, backbone=backbone, dropout=0.2)
    trainer_for(whole, ROWS, output_dir=str(tmp_path / "a"), save_total_limit=None, **run).train()
    other = new_model(
        PET, LOUD, backbone=backbone, dropout=0.2, seed=7
    )  # other weights: resuming must replace them all
    trainer_for(other, ROWS, output_dir=str(tmp_path / "b"), **run).train(
        resume_from_checkpoint=str(tmp_path / "a" / "checkpoint-3")
    )

    assert moved(weights(whole), weights(other)) == set()


def test_no_graph_is_built_below_the_lowest_trainable_layer_and_no_state_for_what_never_thaws(new_model, trainer_for):
    model = new_model(PET, LOUD)
    needed = []
    model.backbone.encoder.layer[0].register_forward_hook(lambda *call: needed.append(call[-1][0].requires_grad))
    trainer = trainer_for(model, ROWS, max_steps=1, freeze=[{"part": "bottom.1"}], **FAST)
    trainer.train()

    names = {id(parameter): name for name, parameter in model.named_parameters()}
    held = {names[id(parameter)] for parameter in trainer.optimizer.optimizer.state}
    assert needed == [False]
    assert held
    assert not held & set(parameters_of(model, "bottom.1"))


@pytest.mark.parametrize("frozen_dropout", [False, True])
def test_dropout_of_a_frozen_trunk_is_off_unless_asked_for(frozen_dropout, new_model, trainer_for):
    model = new_model(PET, dropout=0.5)
    modes = []
    model.backbone.encoder.layer[1].register_forward_pre_hook(
        lambda module, _: modes.append(module.output.dropout.training)
    )
    freeze = [{"part": "backbone", "until_step": 1}]
    trainer_for(model, ROWS, max_steps=2, freeze=freeze, frozen_dropout=frozen_dropout, **FAST).train()

    assert modes == [frozen_dropout, True]


def test_the_model_is_whole_again_after_training(new_model, trainer_for):
    model = new_model(PET)
    trainer_for(model, ROWS, max_steps=1, freeze=[{"part": "backbone"}], **FAST).train()

    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_stock_trainer_thaws_with_our_groups_and_callback(new_model, tmp_path):
    model = new_model(PET, LOUD)
    before = weights(model)
    collate = Collator(model.config.tasks, 0)
    arguments = TrainingArguments(
        str(tmp_path), max_steps=2, use_cpu=True, report_to="none", save_strategy="no", remove_unused_columns=False
    )
    Trainer(
        model,
        arguments,
        train_dataset=as_dataset(model, ROWS),
        data_collator=lambda examples: {key: value for key, value in collate(examples).items() if key != "where"},
        optimizers=(torch.optim.AdamW(parameter_groups(model, 1e-2, 0.1)), None),
        callbacks=[FreezeCallback(FreezeRule(part="backbone", until_step=1), FreezeRule(part="heads.loud"))],
    ).train()

    changed = moved(before, weights(model))
    assert any(name.startswith("backbone.encoder") for name in changed)
    assert not any(name.startswith("polyhead.heads.loud") for name in changed)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"part": "backbon"}, r"freeze 'backbon' matches no parameter; .*backbone"),
        ({"part": "heads.pets"}, r"freeze 'heads.pets' matches no parameter"),
        (
            {"part": "bottom.9"},
            r"freeze 'bottom.9' matches no parameter: this model has bottom.0 to bottom.2",
        ),
        ({"part": "layers.2"}, r"freeze 'layers.2' matches no parameter: this model has layers.0 to layers.1"),
        ({"part": "heads", "until_step": 1, "until_epoch": 1.0}, r"give until_epoch or until_step, not both"),
        ({"part": "heads", "from_step": 3, "until_step": 2}, r"must thaw after it was frozen"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused(rule, message, new_model, trainer_for):
    with pytest.raises(ValueError, match=message):
        trainer_for(new_model(PET), ROWS, max_steps=1, freeze=[rule], **FAST).train()
