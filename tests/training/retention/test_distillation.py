"""The distance of answers from earlier ones, computed by hand."""

import math

import pytest
import torch

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.losses_polyhead import corn_probabilities
from polyhead.training.retention.distillation import distillation_items

from ..conftest import COUNT, LOUD, PET, SAME, SLOTS
from ..test_trainer_losses import GRADE, NEAR, TAGS

AFFECT = TaskConfig(name="affect", kind="regression", labels=["valence", "arousal"])


def log_odds(probability):
    return math.log(probability / (1 - probability))


def divergence(before, now):
    return sum(p * math.log(p / q) for p, q in zip(before, now, strict=True))


def test_one_label_is_the_divergence_of_the_softened_probabilities():
    earlier, now = torch.tensor([[0.0, 0.0, 0.0]]), torch.tensor([[0.5, 0.25, 0.25]]).log() * 2
    # At temperature 2 the answer is (1/2, 1/4, 1/4), the earlier one (1/3, 1/3, 1/3).
    expected = 4 * divergence([1 / 3] * 3, [0.5, 0.25, 0.25])

    for task in (PET, TaskConfig(name="p", kind="pair_classification", labels=["a", "b", "c"])):
        assert distillation_items(task, now, earlier, 2.0).tolist() == pytest.approx([expected])


def test_yes_or_no_is_a_divergence_of_two_probabilities():
    earlier, now = torch.tensor([[log_odds(0.9)]]), torch.tensor([[log_odds(0.5)]])

    expected = divergence([0.9, 0.1], [0.5, 0.5])
    assert distillation_items(LOUD, now, earlier, 1.0).tolist() == pytest.approx([expected])


def test_several_labels_are_averaged():
    earlier, now = torch.tensor([[log_odds(0.9), 1.0]]), torch.tensor([[log_odds(0.5), 1.0]])

    expected = divergence([0.9, 0.1], [0.5, 0.5]) / 2
    assert distillation_items(TAGS, now, earlier, 1.0).tolist() == pytest.approx([expected])


def test_ranks_are_the_divergence_of_their_probabilities():
    earlier, now = torch.tensor([[2.0, -1.0], [0.3, 0.1]]), torch.tensor([[0.5, 0.0], [-2.0, 1.0]])
    before, after = corn_probabilities(earlier), corn_probabilities(now)

    expected = (before * (before / after).log()).sum(-1)
    torch.testing.assert_close(distillation_items(GRADE, now, earlier, 1.0), expected)


def test_ranks_without_any_probability_stay_finite():
    earlier, now = torch.tensor([[-200.0, 50.0]]), torch.tensor([[-150.0, 90.0]], requires_grad=True)
    distillation_items(GRADE, now, earlier, 1.0).sum().backward()

    assert now.grad.isfinite().all()


def test_numbers_are_squared_and_averaged_whatever_the_temperature():
    earlier, now = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[1.0, 4.0], [3.0, 1.0]])

    assert distillation_items(AFFECT, now, earlier, 5.0).tolist() == [2.0, 5.0]
    assert distillation_items(NEAR, torch.tensor([0.5, 0.25]), torch.tensor([[1.0], [0.25]]), 2.0).tolist() == [
        0.25,
        0.0,
    ]


def test_each_token_with_an_answer_is_an_item():
    earlier = torch.zeros(2, 3, 3)
    earlier[0, 0], earlier[1, 1:] = torch.nan, torch.nan
    now = torch.zeros(2, 3, 3)
    now[0, 1] = torch.tensor([0.5, 0.25, 0.25]).log()

    items = distillation_items(SLOTS, now, earlier, 1.0)
    assert items.tolist() == pytest.approx([divergence([1 / 3] * 3, [0.5, 0.25, 0.25]), 0.0, 0.0])


@pytest.mark.parametrize("task", [PET, LOUD, TAGS, GRADE, COUNT, SAME], ids=lambda task: task.kind)
def test_equal_answers_have_no_distance_and_no_gradient(task):
    earlier = torch.randn(4, task.num_logits)
    now = earlier.clone().requires_grad_()
    items = distillation_items(task, now, earlier, 2.0)
    items.sum().backward()

    assert items.tolist() == pytest.approx([0.0] * 4, abs=1e-6)
    assert now.grad.abs().max() < 1e-6


def test_the_gradient_hardly_depends_on_the_temperature():
    earlier, sizes = torch.tensor([[0.1, -0.1, 0.0]]), []
    for temperature in (10.0, 20.0):
        now = torch.zeros(1, 3, requires_grad=True)
        distillation_items(PET, now, earlier, temperature).sum().backward()
        sizes.append(now.grad.norm().item())

    assert sizes[0] == pytest.approx(sizes[1], rel=0.02)
