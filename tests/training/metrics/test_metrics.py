import numpy as np
import pytest

from polyhead.configuration.task_kinds_polyhead import TASK_KINDS
from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.metrics.metrics import METRIC_CLASSES, compute_task_metrics
from polyhead.training.metrics.multi_task_score import METRIC_NAMES

ABC = ["a", "b", "c"]


def task(kind, labels=None, **fields):
    return TaskConfig(name="topic", kind=kind, labels=labels, **fields)


def logits_of(ids, num_labels):
    return np.eye(num_labels)[ids] * 4 - 1


@pytest.mark.parametrize("kind", ["single_label_classification", "pair_classification"])
def test_classification_metrics_equal_hand_computed_ones(kind):
    # Rows 0, 2 and 4 are right, one of each label; a, b, c are true in 2, 1, 2 rows and predicted in 1, 2, 2.
    references = [0, 0, 1, 2, 2]
    predictions = logits_of([0, 2, 1, 1, 2], 3)
    scores = compute_task_metrics(task(kind, ABC), predictions, references)
    assert scores["accuracy"] == pytest.approx(3 / 5)
    assert scores["f1_micro"] == pytest.approx(3 / 5)
    # F1 = 2 right / (predicted + true): a 2/3, b 2/3, c 2/4.
    assert scores["f1_macro"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 2) / 3)
    # MCC = (right * n - sum true * predicted) / sqrt((n^2 - sum predicted^2)(n^2 - sum true^2)).
    assert scores["mcc"] == pytest.approx((3 * 5 - (2 + 2 + 4)) / np.sqrt((25 - 9) * (25 - 9)))


def test_binary_metrics_equal_hand_computed_ones():
    # 2 true positives, 1 false positive, 1 false negative, 1 true negative.
    scores = compute_task_metrics(
        task("binary_classification", ["no", "yes"]), [3.0, 0.5, 1.0, -2.0, -0.5], [1, 1, 0, 1, 0]
    )
    assert scores["accuracy"] == pytest.approx(3 / 5)
    assert scores["precision"] == pytest.approx(2 / 3)
    assert scores["recall"] == pytest.approx(2 / 3)
    assert scores["f1"] == pytest.approx(2 / 3)
    assert scores["f1_macro"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert scores["mcc"] == pytest.approx((2 * 1 - 1 * 1) / np.sqrt(3 * 3 * 2 * 2))


def test_binary_logits_may_be_a_column():
    logits = np.array([3.0, -1.0, 2.0])
    binary = task("binary_classification", ["no", "yes"])
    assert compute_task_metrics(binary, logits[:, None], [1, 1, 0]) == compute_task_metrics(binary, logits, [1, 1, 0])


def test_binary_threshold_of_the_task_decides():
    logits = [np.log(0.3 / 0.7), np.log(0.1 / 0.9)]  # probabilities 0.3 and 0.1
    strict, lenient = (task("binary_classification", ["no", "yes"], thresholds=t) for t in (None, [0.2]))
    assert compute_task_metrics(strict, logits, [1, 0])["accuracy"] == 0.5
    assert compute_task_metrics(lenient, logits, [1, 0])["accuracy"] == 1.0


def test_multi_label_metrics_equal_hand_computed_ones():
    logits = [[2, -2, 2], [2, 2, -2], [-2, -2, -2]]
    references = [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    scores = compute_task_metrics(task("multi_label_classification", ABC), logits, references)
    # a: predicted 2, true 1, right 1; b: predicted 1, true 2, right 1; c: 1, 1, 1.
    assert scores["f1_macro"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert scores["f1_micro"] == pytest.approx(2 * 3 / (4 + 4))
    assert scores["accuracy"] == pytest.approx(1 / 3)


def test_multi_label_thresholds_hold_per_label():
    chosen = task("multi_label_classification", ["a", "b"], thresholds=[0.9, 0.1])
    logits = [[1.0, -1.0]]  # probabilities 0.73 and 0.27
    assert compute_task_metrics(chosen, logits, [[0.0, 1.0]])["accuracy"] == 1.0


def test_multi_label_with_one_label_scores_that_label_alone():
    logits = [[2.0], [-2.0], [-2.0], [-2.0]]
    scores = compute_task_metrics(task("multi_label_classification", ["a"]), logits, [[1.0], [1.0], [0.0], [0.0]])
    assert scores["f1_macro"] == scores["f1_micro"] == pytest.approx(2 / 3)


def test_regression_metrics_equal_hand_computed_ones():
    # Deviations from the means 2.5 and 4: (-1.5, -.5, .5, 1.5) and (-3, 0, -2, 5); ranks of the second: 1, 3, 2, 4.
    scores = compute_task_metrics(task("regression"), [1.0, 2.0, 3.0, 4.0], [1.0, 4.0, 2.0, 9.0])
    assert scores["pearson"] == pytest.approx((4.5 + 0 - 1 + 7.5) / np.sqrt(5 * 38))
    assert scores["spearman"] == pytest.approx(1 - 6 * (0 + 1 + 1 + 0) / (4 * 15))
    assert scores["mae"] == pytest.approx((0 + 2 + 1 + 5) / 4)


def test_several_values_are_averaged_over_the_references_present():
    predictions = [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]
    references = [[1.0, 30.0], [2.0, np.nan], [3.0, 20.0]]
    scores = compute_task_metrics(task("regression", ["valence", "arousal"]), predictions, references)
    assert scores["pearson"] == pytest.approx((1 - 1) / 2)
    assert scores["mae"] == pytest.approx((0 + (20 + 10) / 2) / 2)


def test_ordinal_metrics_equal_hand_computed_ones():
    probabilities = [
        [0.7, 0.2, 0.1, 0],
        [0.1, 0.6, 0.2, 0.1],
        [0.1, 0.2, 0.3, 0.4],
        [0, 0, 0.9, 0.1],
    ]  # ranks 0, 1, 3, 2
    scores = compute_task_metrics(task("ordinal_regression", ["1", "2", "3", "4"]), probabilities, [0, 2, 3, 0])
    assert scores["accuracy"] == pytest.approx(2 / 4)
    assert scores["ordinal_mae"] == pytest.approx((0 + 1 + 0 + 2) / 4)
    # Observed squared distance 5/4; by chance, over all 16 pairs: (4 * 14 + 4 * 13 - 2 * 6 * 5) / 16 = 3.
    assert scores["qwk"] == pytest.approx(1 - (5 / 4) / 3)


def test_quadratic_kappa_keeps_the_distance_across_an_unused_rank():
    # Rank 1 never occurs: 0 and 3 stay three steps apart, 2 and 3 one.
    predictions, references = [0, 3, 3, 2], [0, 3, 2, 0]
    scores = compute_task_metrics(task("ordinal_regression", list("abcd")), np.eye(4)[predictions], references)
    chance = np.mean([(p - r) ** 2 for p in predictions for r in references])
    assert scores["qwk"] == pytest.approx(1 - ((0 + 0 + 1 + 4) / 4) / chance)


def test_similarity_metrics_do_not_depend_on_the_range_of_the_labels():
    similarity = task("pair_similarity")
    scores = compute_task_metrics(similarity, [0.1, 0.9, 0.5], [0.0, 5.0, 1.0])
    assert scores["spearman"] == pytest.approx(1.0)
    # Deviations (-.4, .4, 0) and (-2, 3, -1).
    assert scores["pearson"] == pytest.approx((0.8 + 1.2) / np.sqrt(0.32 * 14))
    assert compute_task_metrics(similarity, [0.1, 0.9, 0.5], [0.0, 1.0, 0.2]) == pytest.approx(scores)


def test_spearman_gives_ties_their_mean_rank():
    # Ranks 1.5, 1.5, 3 against 1, 2, 3: covariance (-.5)(-1) + 0 + 1*1 = 1.5, squares 1.5 and 2.
    scores = compute_task_metrics(task("pair_similarity"), [0.2, 0.2, 0.8], [1.0, 2.0, 3.0])
    assert scores["spearman"] == pytest.approx(1.5 / np.sqrt(1.5 * 2))


@pytest.mark.parametrize("constant", [[0.3, 0.3, 0.3], [0.3, 0.3 + 1e-16, 0.3 - 1e-16]])
def test_correlation_of_constant_predictions_is_zero(constant):
    for kind in ("pair_similarity", "regression"):
        scores = compute_task_metrics(task(kind), constant, [1.0, 2.0, 3.0])
        assert scores["pearson"] == scores["spearman"] == 0.0


def test_correlation_of_constant_references_or_of_one_row_is_zero():
    assert compute_task_metrics(task("regression"), [1.0, 2.0], [4.0, 4.0])["pearson"] == 0.0
    assert compute_task_metrics(task("pair_similarity"), [0.4], [4.0])["spearman"] == 0.0


def test_metrics_of_a_single_occurring_label_are_finite():
    single = compute_task_metrics(task("single_label_classification", ABC), logits_of([1, 1], 3), [1, 1])
    assert single == {"accuracy": 1.0, "f1_macro": 1.0, "f1_micro": 1.0, "mcc": 0.0}
    assert compute_task_metrics(task("ordinal_regression", ABC), np.eye(3)[[1, 1]], [1, 1])["qwk"] == 0.0
    binary = compute_task_metrics(task("binary_classification", ["no", "yes"]), [-1.0, -1.0], [0, 0])
    assert (binary["accuracy"], binary["f1"], binary["precision"], binary["recall"]) == (1.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("kind", TASK_KINDS)
def test_every_kind_returns_exactly_the_metrics_it_names(kind):
    labels = {"regression": None, "pair_similarity": None, "token_classification": ["O", "B-x", "I-x"]}.get(
        kind, ["a", "b"]
    )
    wide = kind in (
        "single_label_classification",
        "multi_label_classification",
        "ordinal_regression",
        "pair_classification",
    )
    predictions = [[0.9, 0.1], [0.1, 0.9]] if wide else [0.9, 0.1]
    references = [[1.0, 0.0], [0.0, 1.0]] if kind == "multi_label_classification" else [0, 1]
    if kind == "token_classification":
        predictions = references = [["B-x", "I-x"], ["O"]]
    assert set(compute_task_metrics(task(kind, labels), predictions, references)) == set(METRIC_NAMES[kind])
    assert set(METRIC_CLASSES) == set(METRIC_NAMES) == set(TASK_KINDS)


def test_no_row_is_an_error_that_names_the_task():
    with pytest.raises(ValueError, match=r"task 'topic': no labelled row to score; label some rows"):
        compute_task_metrics(task("single_label_classification", ABC), np.zeros((0, 3)), [])


@pytest.mark.parametrize(
    ("predictions", "references", "problem"),
    [
        (np.zeros((2, 3)), [0], r"task 'topic': 2 predictions came with 1 references"),
        (np.zeros((2, 4)), [0, 1], r"predictions have shape \(2, 4\); single_label_classification needs \(rows, 3\)"),
        ([[0, 0, 1], [0, np.nan, 0]], [0, 1], r"prediction \[0.0, nan, 0.0\] in row 1 is not finite"),
        (np.zeros((2, 3)), [0, -100], r"reference -100 is no label id from 0 to 2"),
        (np.zeros((2, 3)), [0, 3], r"reference 3 is no label id from 0 to 2"),
        (np.zeros((2, 3)), [[0, 1], [1, 0]], r"references have shape \(2, 2\)"),
    ],
)
def test_inputs_that_cannot_be_scored_are_refused(predictions, references, problem):
    with pytest.raises(ValueError, match=problem):
        compute_task_metrics(task("single_label_classification", ABC), predictions, references)


def test_a_regression_row_without_any_reference_is_refused():
    with pytest.raises(ValueError, match=r"task 'topic': a reference is infinite or a row has none"):
        compute_task_metrics(task("regression"), [1.0, 2.0], [1.0, np.nan])
