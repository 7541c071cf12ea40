import pytest
import torch

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.pair_losses_polyhead import EmbeddedPairs
from polyhead.training.metrics import retrieval_metrics
from polyhead.training.metrics.metrics import compute_task_metrics
from polyhead.training.metrics.retrieval_metrics import retrieval_ranks

# Cosines of the first texts with the second ones: (1, 0): 1, 0, -1; (0, 1): 0, 1, 0; (0.6, 0.8): 0.6, 0.8, -0.6.
FIRST = [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]
SECOND = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]


def pairs(first, second, first_numbers=(0, 1, 2), second_numbers=(3, 4, 5)):
    return EmbeddedPairs(
        torch.tensor(first), torch.tensor(second), torch.tensor(first_numbers), torch.tensor(second_numbers)
    )


@pytest.mark.parametrize("rows_at_a_time", [1, 2, 1024])
def test_a_rank_counts_the_second_texts_that_are_nearer_than_the_own(rows_at_a_time, monkeypatch):
    monkeypatch.setattr(retrieval_metrics, "_ROWS_AT_A_TIME", rows_at_a_time)
    assert retrieval_ranks(pairs(FIRST, SECOND)).tolist() == [1, 1, 3]


@pytest.mark.parametrize(
    "numbers",
    [
        {"second_numbers": (3, 4, 4)},  # the nearest second text is the right one, word for word
        {"first_numbers": (0, 1, 1)},  # ... or answers the same first text
        {"first_numbers": (0, 1, 4)},  # ... or is the first text itself
    ],
)
def test_duplicates_are_passed_over(numbers):
    assert retrieval_ranks(pairs(FIRST, SECOND, **numbers)).tolist() == [1, 1, 2]


def test_one_embedding_for_all_texts_finds_nothing():
    assert retrieval_ranks(pairs([[1.0, 2.0]] * 3, [[1.0, 2.0]] * 3)).tolist() == [3, 3, 3]


def test_mrr_is_the_mean_of_one_over_the_rank_and_recall_the_share_of_first_ranks():
    task = TaskConfig(name="t", kind="pair_similarity", loss="multiple_negatives_ranking")
    scores = compute_task_metrics(task, [1, 1, 3, 4], [1, 1, 1, 1])
    assert scores == {"mrr": pytest.approx((1 + 1 + 1 / 3 + 1 / 4) / 4), "recall_at_1": 0.5}
