import pytest
import torch
from torch import nn
from transformers import TrainerCallback

from polyhead.training.optimization.parameter_groups import component_rates, parameter_groups

from ..conftest import LOUD, PET, moved, row, weights

ROWS = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2, loud=0), row("cat !", pet=0)]


def names_by_group(model, groups):
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {group["name"]: [names[id(parameter)] for parameter in group["params"]] for group in groups}


def of_component(model, component):
    found = names_by_group(model, parameter_groups(model, 1e-3, 0.1))
    return {name for group in (component, f"{component}_no_decay") for name in found.get(group, [])}


def test_every_parameter_is_in_exactly_one_group_also_frozen_ones(new_model, backbone_name):
    model = new_model(PET, LOUD, backbone=backbone_name, projection_dim=8, mix_last_layers=2)
    for number, parameter in enumerate(model.parameters()):
        parameter.requires_grad_(number % 2 == 0)

    grouped = [name for names in names_by_group(model, parameter_groups(model, 1e-3, 0.1)).values() for name in names]

    assert sorted(grouped) == sorted(name for name, _ in model.named_parameters())


def test_components_are_the_embeddings_the_other_layers_and_what_stands_on_them(new_model, backbone_name):
    model = new_model(PET, LOUD, backbone=backbone_name, projection_dim=8)
    names = {name for name, _ in model.named_parameters()}

    embeddings, backbone, heads = (of_component(model, name) for name in ("embeddings", "backbone", "heads"))

    assert embeddings == {name for name in names if name.startswith("backbone.embeddings.")} != set()
    assert backbone == {name for name in names if name.startswith("backbone.")} - embeddings != set()
    assert heads == {name for name in names if name.startswith("polyhead.")} != set()


def test_biases_and_norms_have_no_decay_and_matrices_have(new_model, backbone_name):
    model = new_model(PET, LOUD, backbone=backbone_name)
    groups = parameter_groups(model, 1e-3, weight_decay=0.1)
    decay = {id(parameter): group["weight_decay"] for group in groups for parameter in group["params"]}

    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            assert decay[id(module.weight)] == 0.1
        elif "Norm" in type(module).__name__:
            assert all(decay[id(parameter)] == 0.0 for parameter in module.parameters())
    assert all(decay[id(parameter)] == 0.0 for name, parameter in model.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, {"lr/embeddings": 1.0, "lr/backbone": 1.0, "lr/heads": 1.0}),
        ({"heads": 3.0}, {"lr/embeddings": 1.0, "lr/backbone": 1.0, "lr/heads": 3.0}),
        ({"backbone": 2.0}, {"lr/embeddings": 2.0, "lr/backbone": 2.0, "lr/heads": 1.0}),
        ({"backbone": 2.0, "embeddings": 0.5}, {"lr/embeddings": 0.5, "lr/backbone": 2.0, "lr/heads": 1.0}),
    ],
)
def test_a_component_without_a_rate_takes_the_common_one_and_embeddings_the_backbones(new_model, given, expected):
    groups = parameter_groups(new_model(PET), 1.0, 0.0, given)

    assert component_rates(groups) == expected
    assert {group["lr"] for group in groups if group["name"] == "heads_no_decay"} == {expected["lr/heads"]}


def test_each_component_moves_at_its_own_rate(new_model, trainer_for):
    model = new_model(PET, LOUD)
    before = weights(model)
    rates = {"embeddings": 0.0, "backbone": 1e-4, "heads": 1e-2}
    plain = {"learning_rates": rates, "weight_decay": 0.0, "lr_scheduler_type": "constant", "warmup_steps": 0}
    trainer_for(model, ROWS, max_steps=1, per_device_train_batch_size=4, max_grad_norm=0.0, **plain).train()

    # AdamW's first step changes a weight by its rate, whatever the size of a gradient that is not tiny.
    change = {name: (weights(model)[name] - before[name]).abs().max().item() for name in before}
    assert max(change[name] for name in of_component(model, "embeddings")) == 0.0
    assert max(change[name] for name in of_component(model, "backbone")) == pytest.approx(1e-4, rel=1e-2)
    assert max(change[name] for name in of_component(model, "heads")) == pytest.approx(1e-2, rel=1e-2)


class Thaw(TrainerCallback):
    """Thaw the backbone when one step is done, and remember the weights from before and after."""

    def on_step_begin(self, args, state, control, model=None, **kwargs):
        if state.global_step == 1:
            self.while_frozen = weights(model)
            model.backbone.requires_grad_(True)


def test_frozen_weights_stay_bit_equal_under_decay_and_move_once_thawed(new_model, trainer_for):
    model = new_model(PET, LOUD)
    model.backbone.requires_grad_(False)
    start, thaw = weights(model), Thaw()
    options = {"learning_rate": 1e-2, "weight_decay": 0.5, "warmup_steps": 0, "lr_scheduler_type": "constant"}
    trainer_for(model, ROWS, callbacks=[thaw], max_steps=2, per_device_train_batch_size=4, **options).train()

    backbone = {name for name in start if name.startswith("backbone.")}
    assert moved(start, thaw.while_frozen) == set(start) - backbone
    # The pooler of BERT has no part in the answer, and no gradient.
    used = {name for name in backbone if "pooler" not in name}
    assert moved(thaw.while_frozen, weights(model)) & backbone >= used


def test_weights_without_a_gradient_are_not_decayed(new_model):
    model = new_model(PET)
    model.backbone.requires_grad_(False)
    before = weights(model)
    optimizer = torch.optim.AdamW(parameter_groups(model, learning_rate=1.0, weight_decay=0.5))

    model(torch.tensor([[2, 5, 3]]), labels={"pet": torch.tensor([1])}).loss.backward()
    optimizer.step()

    assert moved(before, weights(model)) == {"polyhead.heads.pet.output.weight", "polyhead.heads.pet.output.bias"}


def test_the_logged_rate_of_a_frozen_group_is_zero(new_model):
    model = new_model(PET)
    groups = parameter_groups(model, 1.0, 0.0)
    model.backbone.requires_grad_(False)

    assert component_rates(groups) == {"lr/embeddings": 0.0, "lr/backbone": 0.0, "lr/heads": 1.0}
