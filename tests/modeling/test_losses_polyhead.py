import math

import pytest
import torch

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.losses_polyhead import (
    IGNORED,
    binary_cross_entropy_items,
    corn_items,
    corn_probabilities,
    cosent_items,
    count_labelled,
    cross_entropy_items,
    regression_items,
    task_loss_items,
)

NAN = float("nan")
LN = math.log
# logit(p) is the logit whose sigmoid is p, and log-probabilities are their own softmax: targets stay readable.
AB = ["a", "b"]


def logit(probability):
    return LN(probability / (1 - probability))


def check(losses, expected):
    torch.testing.assert_close(losses, torch.tensor(expected, dtype=torch.float32), rtol=1e-5, atol=1e-6)


def test_cross_entropy_is_minus_the_log_of_the_labels_probability():
    logits = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]]).log()
    check(cross_entropy_items(logits, torch.tensor([1, 0]), None, 0.0), [-LN(0.2), -LN(0.5)])


def test_cross_entropy_leaves_out_items_without_a_label():
    logits = torch.tensor([[0.7, 0.3], [0.6, 0.4], [0.1, 0.9]]).log()
    check(cross_entropy_items(logits, torch.tensor([0, IGNORED, 1]), None, 0.0), [-LN(0.7), -LN(0.9)])


def test_cross_entropy_of_tokens_is_one_item_a_labelled_token():
    logits = torch.tensor([[[0.7, 0.3], [0.6, 0.4]], [[0.2, 0.8], [0.5, 0.5]]]).log()
    labels = torch.tensor([[IGNORED, 1], [0, IGNORED]])
    check(cross_entropy_items(logits, labels, None, 0.0), [-LN(0.4), -LN(0.2)])


def test_a_class_weight_multiplies_the_loss_of_its_class():
    logits = torch.tensor([[0.7, 0.3], [0.6, 0.4]]).log()
    check(cross_entropy_items(logits, torch.tensor([0, 1]), [1.0, 5.0], 0.0), [-LN(0.7), -5 * LN(0.4)])


def test_label_smoothing_spreads_its_share_over_all_classes():
    logits = torch.tensor([[0.7, 0.3]]).log()
    # Target 0.9 for the label, and 0.2 / 2 more for each class.
    check(cross_entropy_items(logits, torch.tensor([0]), None, 0.2), [-(0.9 * LN(0.7) + 0.1 * LN(0.3))])


@pytest.mark.parametrize("class_weights", [[1.0, 5.0], {"b": 5.0}])
def test_class_weights_are_read_by_label_and_by_position(class_weights):
    task = TaskConfig(name="t", kind="single_label_classification", labels=AB, class_weights=class_weights)
    logits = torch.tensor([[LN(0.7), LN(0.3)], [LN(0.6), LN(0.4)]])
    check(task_loss_items(task, logits, torch.tensor([0, 1])), [-LN(0.7), -5 * LN(0.4)])


@pytest.mark.parametrize("pos_weight", [[1.0, 3.0], {"b": 3.0}])
def test_positive_weights_are_read_by_label_and_by_position(pos_weight):
    task = TaskConfig(name="t", kind="multi_label_classification", labels=AB, pos_weight=pos_weight)
    logits = torch.tensor([[logit(0.8), logit(0.3)]])
    check(task_loss_items(task, logits, torch.tensor([[1.0, 1.0]])), [-(LN(0.8) + 3 * LN(0.3)) / 2])


def test_binary_cross_entropy_is_averaged_over_the_labels_of_a_row():
    logits = torch.tensor([[logit(0.8), logit(0.3)]])
    check(binary_cross_entropy_items(logits, torch.tensor([[1.0, 0.0]]), None), [-(LN(0.8) + LN(0.7)) / 2])


def test_binary_cross_entropy_takes_one_label_a_row_as_integers():
    logits = torch.tensor([[logit(0.8)], [logit(0.4)], [0.0]])
    check(binary_cross_entropy_items(logits, torch.tensor([1, 0, IGNORED]), None), [-LN(0.8), -LN(0.6)])


@pytest.mark.parametrize("weights", [[3.0, 2.0], [3.0]])
def test_a_positive_weight_multiplies_the_positive_part(weights):
    logits = torch.tensor([[logit(0.8), logit(0.3)]])
    second = weights[-1]
    expected = [-(3 * LN(0.8) + second * LN(0.3)) / 2]
    check(binary_cross_entropy_items(logits, torch.tensor([[1.0, 1.0]]), weights), expected)


@pytest.mark.parametrize("missing", [float(IGNORED), NAN])
def test_binary_cross_entropy_leaves_out_rows_without_labels(missing):
    logits = torch.tensor([[5.0, -5.0], [logit(0.8), logit(0.3)]])
    labels = torch.tensor([[missing, missing], [1.0, 0.0]])
    check(binary_cross_entropy_items(logits, labels, None), [-(LN(0.8) + LN(0.7)) / 2])


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mse", [(0.5**2 + 3**2) / 2]),
        ("mae", [(0.5 + 3) / 2]),
        ("huber", [(0.5 * 0.5**2 + (3 - 0.5)) / 2]),  # quadratic up to a distance of 1, then linear
    ],
)
def test_a_regression_loss_is_averaged_over_the_values_of_a_row(loss, expected):
    check(regression_items(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.5, -1.0]]), loss), expected)


def test_a_regression_loss_leaves_out_missing_values_and_rows():
    predictions = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    targets = torch.tensor([[1.5, NAN], [NAN, NAN], [4.0, 4.0]])
    check(regression_items(predictions, targets, "mse"), [0.5**2, (1 + 4) / 2])


def test_missing_values_send_no_gradient():
    predictions = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    regression_items(predictions, torch.tensor([[1.5, NAN], [NAN, NAN]]), "mse").sum().backward()
    assert predictions.grad.tolist() == [[2 * (1.0 - 1.5), 0.0], [0.0, 0.0]]


def test_regression_learns_in_standardised_units():
    task = TaskConfig(name="t", kind="regression", target_mean=[10.0], target_scale=[4.0])
    # A label of 18 stands at (18 - 10) / 4 = 2.
    check(task_loss_items(task, torch.tensor([[0.5]]), torch.tensor([18.0])), [(2 - 0.5) ** 2])


def test_corn_probabilities_are_differences_of_the_chances_to_lie_above():
    logits = torch.tensor([[logit(0.8), logit(0.5)]])
    # P(above low) = 0.8, P(above mid) = 0.8 * 0.5 = 0.4.
    check(corn_probabilities(logits), [[0.2, 0.4, 0.4]])


def test_corn_probabilities_sum_to_one_and_are_never_negative():
    probabilities = corn_probabilities(torch.randn(100, 6) * 20)
    torch.testing.assert_close(probabilities.sum(-1), torch.ones(100))
    assert probabilities.min() >= 0


@pytest.mark.parametrize(
    ("rank", "expected"),
    [
        (0, -LN(1 - 0.8)),  # not above low; whether above mid was never asked
        (1, -LN(0.8) - LN(1 - 0.4)),
        (2, -LN(0.8) - LN(0.4)),
    ],
)
def test_the_corn_loss_asks_each_step_of_the_rows_that_reach_it(rank, expected):
    logits = torch.tensor([[logit(0.8), logit(0.4)]])
    check(corn_items(logits, torch.tensor([rank])), [expected])


def test_the_corn_loss_is_minus_the_log_of_the_labels_probability():
    logits, ranks = torch.randn(20, 4), torch.arange(20) % 5
    expected = -corn_probabilities(logits)[torch.arange(20), ranks].log()
    torch.testing.assert_close(corn_items(logits, ranks), expected, rtol=1e-4, atol=1e-5)


def test_the_corn_loss_leaves_out_rows_without_a_label():
    logits = torch.tensor([[logit(0.8)], [5.0]])
    check(corn_items(logits, torch.tensor([1, IGNORED])), [-LN(0.8)])


def test_cosent_punishes_each_pair_of_rows_in_the_wrong_order():
    cosines, targets = torch.tensor([0.1, 0.3, 0.2]), torch.tensor([0.0, 0.5, 1.0])
    # Row 0 should lie below 1 and 2, row 1 below 2.
    wrong = [20 * (0.1 - 0.3), 20 * (0.1 - 0.2), 20 * (0.3 - 0.2)]
    expected = LN(1 + sum(math.exp(value) for value in wrong))
    check(cosent_items(cosines, targets), [expected] * 3)


def test_cosent_ignores_ties_and_missing_labels():
    cosines, targets = torch.tensor([0.1, 0.9, 0.2, 0.5]), torch.tensor([1.0, 1.0, NAN, 0.0])
    wrong = [20 * (0.5 - 0.1), 20 * (0.5 - 0.9)]  # row 3 should lie below rows 0 and 1
    check(cosent_items(cosines, targets), [LN(1 + math.exp(wrong[0]) + math.exp(wrong[1]))] * 3)


def test_a_single_row_has_nothing_to_rank():
    check(cosent_items(torch.tensor([0.3]), torch.tensor([1.0])), [0.0])


def test_similarity_labels_are_mapped_from_their_range_onto_the_cosine():
    task = TaskConfig(name="t", kind="pair_similarity", value_range=[1, 5])
    # A label of 4 on the scale 1 to 5 asks for a cosine of 0.75.
    check(task_loss_items(task, torch.tensor([0.5, 0.0]), torch.tensor([4.0, NAN])), [0.25**2])


def test_the_loss_named_by_a_task_is_the_one_taken():
    cosines, labels = torch.tensor([0.1, 0.3]), torch.tensor([0.0, 1.0])
    mse = TaskConfig(name="t", kind="pair_similarity")
    cosent = TaskConfig(name="t", kind="pair_similarity", loss="cosent")
    check(task_loss_items(mse, cosines, labels), [0.1**2, 0.7**2])
    check(task_loss_items(cosent, cosines, labels), [LN(1 + math.exp(20 * (0.1 - 0.3)))] * 2)


@pytest.mark.parametrize(
    ("task", "logits", "labels", "labelled"),
    [
        ({"kind": "single_label_classification", "labels": AB}, [[1.0, 2], [3, 4]], [1, IGNORED], 1),
        ({"kind": "pair_classification", "labels": AB}, [[1.0, 2], [3, 4]], [IGNORED, IGNORED], 0),
        ({"kind": "binary_classification", "labels": AB}, [[1.0], [2.0]], [1, IGNORED], 1),
        ({"kind": "multi_label_classification", "labels": AB}, [[1.0, 2], [3, 4]], [[1.0, 0], [-100, -100]], 1),
        ({"kind": "regression"}, [[1.0], [2.0]], [0.5, NAN], 1),
        ({"kind": "regression", "labels": AB}, [[1.0, 2], [3, 4]], [[0.5, NAN], [NAN, NAN]], 1),
        ({"kind": "ordinal_regression", "labels": ["a", "b", "c"]}, [[1.0, 2], [3, 4]], [2, IGNORED], 1),
        ({"kind": "token_classification", "labels": ["O", "B-x"]}, [[[1.0, 2], [3, 4]]], [[0, IGNORED]], 1),
        ({"kind": "pair_similarity"}, [0.5, 0.25], [1.0, NAN], 1),
        ({"kind": "pair_similarity", "loss": "cosent"}, [0.5, 0.25], [NAN, NAN], 0),
    ],
)
def test_there_is_one_finite_loss_for_each_labelled_item(task, logits, labels, labelled):
    task, logits, labels = TaskConfig(name="t", **task), torch.tensor(logits), torch.tensor(labels)
    losses = task_loss_items(task, logits, labels)
    assert losses.shape == (labelled,)
    assert losses.isfinite().all()
    assert count_labelled(task, labels).item() == labelled
