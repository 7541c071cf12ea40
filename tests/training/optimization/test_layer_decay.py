import pytest

from polyhead.training.optimization.parameter_groups import component_rates, parameter_groups

from ..conftest import LOUD, PET, row, weights

ROWS = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2, loud=0), row("cat !", pet=0)]


def test_rates_fall_from_the_top_layer_down_and_heads_keep_theirs(new_model):
    model = new_model(PET)
    groups = parameter_groups(model, 1.0, 0.0, {"backbone": 2.0, "heads": 5.0}, layer_decay=0.5)

    expected = {"lr/embeddings": 0.5, "lr/layers.0": 1.0, "lr/layers.1": 2.0, "lr/heads": 5.0}
    assert component_rates(groups) == expected
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))


def test_embeddings_keep_a_rate_of_their_own_beside_layer_decay(new_model):
    model = new_model(PET, backbone="MPNet")
    rates = component_rates(parameter_groups(model, 1.0, 0.0, {"embeddings": 0.1}, layer_decay=0.5))

    assert rates["lr/embeddings"] == 0.1
    assert rates["lr/shared"] == 0.25  # relative positions serve all layers, and no rate was given for them


def test_shared_layers_of_albert_learn_at_the_rate_of_the_top(new_model):
    rates = component_rates(parameter_groups(new_model(PET, backbone="ALBERT"), 1.0, 0.0, layer_decay=0.5))

    assert rates == {"lr/embeddings": 0.25, "lr/layers.1": 1.0, "lr/heads": 1.0}


def test_a_head_has_its_own_multiple_of_the_heads_rate(new_model):
    model = new_model(PET, LOUD, projection_dim=8)
    rates = component_rates(parameter_groups(model, 1.0, 0.0, {"heads": 2.0}, head_multipliers={"pet": 1.5}))

    assert (rates["lr/heads.pet"], rates["lr/heads"]) == (3.0, 2.0)


def test_a_pattern_wins_over_depth_and_a_later_pattern_over_an_earlier_one(new_model):
    given = {"backbone.encoder.layer.1.*": 7.0, "*.attention.*": 9.0}
    rates = component_rates(parameter_groups(new_model(PET), 1.0, 0.0, given, layer_decay=0.5))

    assert rates["lr/backbone.encoder.layer.1.*"] == 7.0
    assert rates["lr/*.attention.*"] == 9.0
    assert rates["lr/layers.0"] == 0.5


def test_a_pattern_that_matches_nothing_is_refused_with_the_closest_name(new_model):
    with pytest.raises(
        ValueError, match=r"'backbone.encoder.layers.*' matches no parameter; .*backbone\.encoder\.layer"
    ):
        parameter_groups(new_model(PET), 1.0, 0.0, {"backbone.encoder.layers.*": 1.0})


def test_a_multiplier_for_no_head_is_refused_with_the_closest_name(new_model):
    with pytest.raises(ValueError, match=r"head_multipliers 'pets' is no head; .*pet"):
        parameter_groups(new_model(PET), 1.0, 0.0, head_multipliers={"pets": 1.0})


def test_each_depth_moves_at_its_own_rate(new_model, trainer_for):
    model = new_model(PET, LOUD)
    before = weights(model)
    plain = {"weight_decay": 0.0, "lr_scheduler_type": "constant", "warmup_steps": 0, "max_grad_norm": 0.0}
    trainer_for(
        model, ROWS, max_steps=1, per_device_train_batch_size=4, learning_rate=1e-3, layer_decay=0.1, **plain
    ).train()

    # AdamW's first step changes a weight by its rate, whatever the size of a gradient that is not tiny.
    for name, rate in [("encoder.layer.1", 1e-3), ("encoder.layer.0", 1e-4), ("embeddings.position_embeddings", 1e-5)]:
        key = next(key for key in before if name in key and key.endswith("weight"))
        change = (dict(model.named_parameters())[key].detach() - before[key]).abs().max().item()
        assert change == pytest.approx(rate, rel=0.02)
