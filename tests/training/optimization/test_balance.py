"""Hand-computed weights and gradients of each method, on numbers that a reader can follow."""

import math

import pytest
import torch
from safetensors.torch import load_file

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.optimization.balance import Balance, ClassCountBalance, Step, load_balance, save_balance
from polyhead.training.optimization.balancing import BALANCES
from polyhead.training.optimization.famo import FamoBalance
from polyhead.training.optimization.pcgrad import projected_factors
from polyhead.training.optimization.uncertainty import UncertaintyBalance

from ..conftest import COUNT, LOUD, PET, SLOTS, as_dataset, moved, row, weights
from ..test_trainer_losses import PLAIN

TAGS = TaskConfig(name="tags", kind="multi_label_classification", labels=["x", "y", "z"], weight=3.0)


def numbers(**values):
    return {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}


def slopes(loss, losses):
    return dict(zip(losses, torch.autograd.grad(loss, list(losses.values())), strict=True))


ZERO = torch.zeros(())


def test_fixed_balance_is_the_models_own_sum(new_model):
    total = torch.tensor(7.0)

    assert Balance(new_model(PET), 0).combine(numbers(pet=1.0), total) is total


def test_class_count_divides_by_what_guessing_costs(new_model):
    balance = ClassCountBalance(new_model(PET, LOUD, TAGS, COUNT), 0)
    losses = numbers(pet=math.log(3), loud=math.log(2), tags=math.log(2), count=1.0)

    # Each task guesses: 1 for each, times the weight 3 of the tags.
    assert balance.combine(losses, ZERO).item() == pytest.approx(1 + 1 + 3 + 1)


def test_uncertainty_weighs_by_precision_and_moves_towards_the_loss(new_model, arguments):
    balance = UncertaintyBalance(new_model(PET, COUNT), 0)
    balance.step = Step(tasks=["pet", "count"])
    balance.log_variances["pet"].data.fill_(math.log(4))
    # Two batches of one step. pet: 1/4 of the loss. count: squared errors by half.
    for losses in (numbers(pet=0.5, count=3.0), numbers(pet=1.5)):
        loss = balance.combine(losses, ZERO)
        assert slopes(loss, losses) == pytest.approx(
            {"pet": 0.25, "count": 0.5} if "count" in losses else {"pet": 0.25}
        )
    balance.on_pre_optimizer_step(arguments(), None, None)

    # d/ds (exp(-s) L + s / 2): 1/2 - 1/4 * 2 and 1/2 - 1/2 * 3
    assert balance.log_variances["pet"].grad.item() == pytest.approx(0.0, abs=1e-7)
    assert balance.log_variances["count"].grad.item() == pytest.approx(-1.0)


def test_uncertainty_of_a_task_without_labels_rests(new_model, arguments):
    balance = UncertaintyBalance(new_model(PET, COUNT), 0)
    balance.step = Step(tasks=["pet"])
    balance.combine(numbers(pet=1.0), ZERO)
    balance.on_pre_optimizer_step(arguments(), None, None)

    assert balance.log_variances["pet"].grad.item() == -0.5
    assert balance.log_variances["count"].grad is None


def test_a_tasks_weight_is_not_learned_away(new_model, arguments):
    heavy = TaskConfig(name="heavy", kind="single_label_classification", labels=["a", "b"], weight=10.0)
    balance = UncertaintyBalance(new_model(heavy), 0)
    balance.step = Step(tasks=["heavy"])
    balance.combine(numbers(heavy=0.5), ZERO)
    balance.on_pre_optimizer_step(arguments(), None, None)

    # At rest where 1 * 0.5 = 0.5, for every weight: the factor in effect stays 10.
    assert balance.log_variances["heavy"].grad.item() == 0.0
    assert balance.weights == {"heavy": 10.0}


def test_famo_weighs_by_the_inverse_loss_and_lifts_what_improves_least(new_model):
    balance = FamoBalance(new_model(PET, LOUD), 0)
    balance.step = Step(tasks=["pet", "loud"], measure=lambda: {"pet": torch.tensor(0.5), "loud": torch.tensor(4.0)})
    first = numbers(pet=1.0, loud=4.0)
    # z = (1/2, 1/2); z / loss = (1/2, 1/8), in sum 5/8; scaled to mean 1: (8/5, 2/5).
    assert slopes(balance.combine(first, ZERO), first) == pytest.approx({"pet": 1.6, "loud": 0.4})
    balance.on_step_end(None, None, None)

    # Gains (ln 2, 0), slopes 1/2 * (ln 2 / 2) and 1/2 * (- ln 2 / 2); Adam's first step has the size of its rate.
    assert balance.gains == pytest.approx({"pet": math.log(2), "loud": 0.0}, abs=1e-6)
    assert balance.logits["pet"].item() == pytest.approx(-0.025, rel=1e-5)
    assert balance.logits["loud"].item() == pytest.approx(0.025, rel=1e-5)

    second = numbers(pet=1.0, loud=1.0)
    share = 1 / (1 + math.exp(0.05))
    assert slopes(balance.combine(second, ZERO), second) == pytest.approx({"pet": 2 * share, "loud": 2 * (1 - share)})


def test_famo_keeps_a_tasks_weight_as_a_factor(new_model):
    heavy = TaskConfig(name="heavy", kind="single_label_classification", labels=["a", "b"], weight=10.0)
    balance = FamoBalance(new_model(heavy, LOUD), 0)
    losses = numbers(heavy=1.0, loud=4.0)

    # As above, times 10.
    assert slopes(balance.combine(losses, ZERO), losses) == pytest.approx({"heavy": 16.0, "loud": 0.4})
    assert balance.weights == pytest.approx({"heavy": 16.0, "loud": 0.4})


def test_famo_keeps_what_it_last_saw_of_a_task_without_labels(new_model):
    balance = FamoBalance(new_model(PET, LOUD), 0)
    balance.losses, balance.gains = {"pet": 1.0, "loud": 3.0}, {"pet": 0.1, "loud": 0.2}
    balance.step = Step(tasks=["pet"], measure=lambda: {"pet": torch.tensor(1.0)})
    alone = numbers(pet=1.0)

    # z / loss = (1/2, 1/6): pet has three quarters of two tasks.
    assert slopes(balance.combine(alone, ZERO), alone) == pytest.approx({"pet": 1.5})
    balance.on_step_end(None, None, None)
    assert balance.logits["loud"].item() == 0.0
    assert balance.logits["pet"].item() > 0  # it gained less than the other had


@pytest.mark.parametrize("accumulation", [1, 2])
def test_famo_measures_the_step_alone_and_not_the_dropout(new_model, trainer_for, accumulation):
    rows = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2), row("cat !", pet=0)]
    model = new_model(PET, LOUD, dropout=0.3)
    still = {**PLAIN, "learning_rate": 0.0, "per_device_train_batch_size": 4 // accumulation}
    trainer = trainer_for(model, rows, balance="famo", gradient_accumulation_steps=accumulation, **still)
    trainer.train()

    assert trainer.balance.gains == {"pet": 0.0, "loud": 0.0}


def test_gradients_that_agree_are_left_alone():
    products = torch.tensor([[1.0, 0.5], [0.5, 2.0]])

    assert projected_factors(products, torch.Generator()).tolist() == [1.0, 1.0]


def test_conflicting_gradients_lose_what_the_other_contradicts():
    gradients = torch.tensor([[1.0, 0.0], [-1.0, math.sqrt(3)]])
    factors = projected_factors(gradients @ gradients.T, torch.Generator())

    # (1, 0) + 1/4 (-1, sqrt 3) = (3/4, sqrt 3 / 4) and (-1, sqrt 3) + (1, 0) = (0, sqrt 3)
    torch.testing.assert_close(factors.float() @ gradients, torch.tensor([0.75, 1.25 * math.sqrt(3)]))


def test_each_gradient_meets_the_projected_rest_in_a_drawn_order():
    gradients = torch.tensor([[1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]])
    products = gradients @ gradients.T
    found = {
        tuple((projected_factors(products, torch.Generator().manual_seed(seed)).float() @ gradients).tolist())
        for seed in range(20)
    }

    # (1, 0) becomes (1/2, 1/2), and (1/2, 0) where it meets (0, -1) after that; (0, -1) becomes (-1/2, -1/2), and (0, -1/2)
    # where it meets (1, 0) after that; (-1, 1) loses everything to the two others in either order.
    assert found == {(0.0, 0.0), (0.5, 0.0), (0.0, -0.5), (0.5, -0.5)}


def test_a_pcgrad_step_projects_what_is_shared_and_leaves_the_heads(new_model, trainer_for):
    up, down = (TaskConfig(name=name, kind="regression", weight=w) for name, w in (("up", 1.0), ("down", 0.5)))
    rows = [row("a cat", up=1.0, down=-1.0), row("the dog", up=0.8, down=-1.2)]
    model = new_model(up, down)
    model.polyhead.heads["down"].load_state_dict(model.polyhead.heads["up"].state_dict())
    before = weights(model)
    batch = trainer_for(model, rows).data_collator(as_dataset(model, rows).examples)
    batch.pop("where")
    losses = model(**batch).losses
    names = [name for name, parameter in model.named_parameters() if "pooler" not in name]
    parameters = [parameter for name, parameter in model.named_parameters() if name in names]
    rows_of = {}
    for task in (up, down):
        found = torch.autograd.grad(task.weight * losses[task.name], parameters, retain_graph=True, allow_unused=True)
        rows_of[task.name] = {
            name: gradient for name, gradient in zip(names, found, strict=True) if gradient is not None
        }
    shared = [name for name in names if not name.startswith("polyhead.heads.")]
    first, second = (torch.cat([rows_of[task][name].flatten() for name in shared]) for task in ("up", "down"))
    product = first @ second
    assert product < 0
    expected = first - product / (second @ second) * second + second - product / (first @ first) * first
    trainer = trainer_for(model, rows, balance="pcgrad", per_device_train_batch_size=2, **PLAIN)
    trainer.train()

    after = weights(model)
    factors = {"up": 1 - product / (first @ first), "down": 0.5 * (1 - product / (second @ second))}
    assert trainer.balance.weights == pytest.approx({name: value.item() for name, value in factors.items()}, rel=1e-4)
    change = torch.cat([(before[name] - after[name]).flatten() for name in shared])
    torch.testing.assert_close(change, expected, rtol=0, atol=1e-6)
    for task in ("up", "down"):
        for name in (name for name in names if name.startswith(f"polyhead.heads.{task}.")):
            torch.testing.assert_close(before[name] - after[name], rows_of[task][name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", list(BALANCES))
def test_no_method_moves_what_is_frozen_or_touches_a_step_of_nothing(new_model, trainer_for, name):
    model = new_model(PET, LOUD, SLOTS)
    before = weights(model)
    rows = [row("cat", pet=0, loud=1), row("dog", 2), row("the", 3, loud=0)]
    options = {**PLAIN, "max_steps": 3, "per_device_train_batch_size": 1, "balance": name}
    trainer_for(model, rows, freeze=[{"part": "backbone"}, {"part": "heads.pet"}], **options).train()
    after = weights(model)
    assert moved(before, after)
    assert all(name.startswith("polyhead.heads.loud.") for name in moved(before, after))

    trainer_for(model, rows, freeze=[{"part": "everything"}], **options).train()
    assert moved(after, weights(model)) == set()


@pytest.mark.parametrize("name", [name for name in BALANCES if name != "fixed"])
def test_methods_learn_under_autocast(new_model, trainer_for, name):
    model = new_model(PET, LOUD)
    before = weights(model)
    rows = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1)]
    trainer_for(model, rows, bf16=True, balance=name, **PLAIN).train()

    assert len(moved(before, weights(model))) > 30
    assert all(weight.isfinite().all() for weight in weights(model).values())


@pytest.mark.parametrize("name", list(BALANCES))
def test_state_comes_back_bit_equal_and_only_to_its_own_method(new_model, trainer_for, tmp_path, name):
    rows = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1)]
    trainer = trainer_for(new_model(PET, LOUD), rows, balance=name, **{**PLAIN, "max_steps": 2})
    trainer.train()
    save_balance(trainer.balance, tmp_path)
    fresh = BALANCES[name](new_model(PET, LOUD), 0)
    load_balance(fresh, tmp_path)
    save_balance(fresh, tmp_path / "..")

    learns = name in ("uncertainty", "famo")
    assert (tmp_path / "balance.safetensors").exists() is learns
    if learns:
        again = load_file(tmp_path / ".." / "balance.safetensors")
        written = load_file(tmp_path / "balance.safetensors")
        assert any(value != 0 for value in written.values())
        assert written == again
    other = "famo" if name != "famo" else "uncertainty"
    with pytest.raises(ValueError, match=f"written with balance .*this run has '{other}'.*new folder"):
        load_balance(BALANCES[other](new_model(PET, LOUD), 0), tmp_path)
