import dataclasses
import math

import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.metrics.multi_task_score import multi_task_score, primary_metric

TOPIC = TaskConfig(name="topic", kind="single_label_classification", labels=["a", "b"])
SIMILARITY = TaskConfig(name="similarity", kind="pair_similarity")


def test_score_is_the_mean_of_default_metrics():
    metrics = {"topic": {"accuracy": 0.9, "mcc": 0.1}, "similarity": {"spearman": 0.7, "pearson": 0.0}}
    assert multi_task_score([TOPIC, SIMILARITY], metrics) == pytest.approx(0.8)


def test_a_task_may_choose_its_metric():
    topic = TaskConfig(name="topic", kind="single_label_classification", labels=["a", "b"], metric="mcc")
    assert multi_task_score([topic], {"topic": {"accuracy": 0.9, "mcc": 0.1}}) == 0.1


def weighted(task, score_weight):
    return dataclasses.replace(task, score_weight=score_weight)


def test_tasks_count_by_their_score_weight_each_in_its_own_direction():
    stars = TaskConfig(name="stars", kind="regression", metric="mae", score_weight=0.5)
    metrics = {"topic": {"accuracy": 0.9}, "similarity": {"spearman": 0.7}, "stars": {"mae": 1.0}}

    score = multi_task_score([weighted(TOPIC, 3.0), weighted(SIMILARITY, 1.5), stars], metrics)
    assert score == pytest.approx((3 * 0.9 + 1.5 * 0.7 + 0.5 * 0.5) / 5)


def test_a_task_of_weight_zero_is_left_out_whatever_its_metric():
    assert multi_task_score([TOPIC, weighted(SIMILARITY, 0.0)], {"topic": {"accuracy": 0.9}}) == 0.9


def test_weights_that_rank_nothing_are_refused():
    with pytest.raises(ValueError, match=r"'score_weight' of all measured tasks \(topic\) is 0. Give one"):
        multi_task_score([weighted(TOPIC, 0.0)], {"topic": {"accuracy": 0.9}})
    with pytest.raises(ValueError, match=r"task 'topic', field 'score_weight': -1 is negative or not finite"):
        weighted(TOPIC, -1)


@pytest.mark.parametrize(
    ("kind", "metric"), [("regression", "mae"), ("ordinal_regression", "ordinal_mae"), ("regression", "loss")]
)
def test_smaller_errors_score_higher_and_none_scores_one(kind, metric):
    labels = ["low", "high"] if kind == "ordinal_regression" else None
    task = TaskConfig(name="stars", kind=kind, labels=labels, metric=metric)
    scores = [multi_task_score([task], {"stars": {metric: error}}) for error in (0.0, 1.0, 3.0)]
    assert scores == [1.0, 0.5, 0.25]


def test_the_unit_of_a_regression_does_not_change_the_score():
    euros, cents = (
        TaskConfig(name="price", kind="regression", metric="mae", target_scale=[scale]) for scale in (20.0, 2000.0)
    )
    score = multi_task_score([euros], {"price": {"mae": 5.0}})
    assert score == pytest.approx(1 / (1 + 5 / 20))
    assert multi_task_score([cents], {"price": {"mae": 500.0}}) == pytest.approx(score)


@pytest.mark.parametrize(("values", "problem"), [({"mcc": 0.5}, "missing"), ({"accuracy": math.nan}, "nan")])
def test_a_missing_or_undefined_metric_is_refused(values, problem):
    with pytest.raises(
        ValueError, match=rf"metric 'accuracy' of task 'topic' is {problem}; .* leave it out of the score"
    ):
        multi_task_score([TOPIC], {"topic": values})


def test_a_score_of_no_tasks_is_refused():
    with pytest.raises(ValueError, match="no tasks given"):
        multi_task_score([], {})


def test_a_metric_of_another_kind_is_refused_with_the_choices():
    with pytest.raises(
        ValueError, match=r"'mae' is no metric of pair_similarity with loss mse. Choose one of spearman, pearson, loss"
    ):
        primary_metric(TaskConfig(name="similarity", kind="pair_similarity", metric="mae"))


def test_pairs_that_only_belong_together_are_ranked_by_retrieval():
    task = TaskConfig(name="answers", kind="pair_similarity", loss="multiple_negatives_ranking")
    assert primary_metric(task) == "mrr"
    assert multi_task_score([task], {"answers": {"mrr": 0.5, "recall_at_1": 0.25, "loss": 9.0}}) == 0.5
    task.metric = "spearman"
    with pytest.raises(
        ValueError, match=r"with loss multiple_negatives_ranking\. Choose one of mrr, recall_at_1, loss"
    ):
        primary_metric(task)
