import random
import warnings

import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.metrics.entity_metrics import entities_of
from polyhead.training.metrics.metrics import compute_task_metrics

TAGS = ["O", "B-city", "I-city", "B-time", "I-time"]
SLOTS = TaskConfig(name="slots", kind="token_classification", labels=TAGS)


@pytest.mark.parametrize(
    ("tags", "entities"),
    [
        (["O", "O"], set()),
        (["B-city", "I-city", "O", "B-time"], {("city", 0, 1), ("time", 3, 3)}),
        (["B-city", "B-city"], {("city", 0, 0), ("city", 1, 1)}),
        (["B-city", "I-time"], {("city", 0, 0), ("time", 1, 1)}),
        (["O", "I-time", "I-time"], {("time", 1, 2)}),
        (["B-round-trip", "I-round-trip"], {("round-trip", 0, 1)}),
    ],
)
def test_entities_are_read_leniently_from_tags(tags, entities):
    assert entities_of(tags) == entities


def test_entity_f1_counts_exact_matches_only():
    references = [["B-city", "I-city", "O", "B-time"], ["O", "B-city"]]
    predictions = [["B-city", "O", "O", "B-time"], ["O", "B-time"]]
    scores = compute_task_metrics(SLOTS, predictions, references)
    # 3 true, 3 predicted, right only the time of the first row: one city too short, one of the wrong type.
    assert scores == pytest.approx({"f1": 1 / 3, "precision": 1 / 3, "recall": 1 / 3, "accuracy": 4 / 6})


def test_an_entity_does_not_reach_into_the_next_row():
    scores = compute_task_metrics(SLOTS, [["B-city"], ["I-city"]], [["B-city"], ["I-city"]])
    assert scores["f1"] == 1.0
    assert compute_task_metrics(SLOTS, [["B-city"], ["O"]], [["B-city"], ["I-city"]])["recall"] == 0.5


def test_rows_without_any_entity_score_zero():
    assert compute_task_metrics(SLOTS, [["O", "O"]], [["O", "O"]]) == {
        "f1": 0,
        "precision": 0,
        "recall": 0,
        "accuracy": 1,
    }


def test_rows_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"task 'slots': row 1 has 1 predicted tags for 2 words"):
        compute_task_metrics(SLOTS, [["O"], ["O"]], [["O"], ["O", "O"]])


def test_entity_metrics_equal_seqeval_on_random_tags():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval's own
        seqeval = pytest.importorskip("seqeval.metrics")
    draw = random.Random(0)
    for _ in range(200):
        lengths = [draw.randint(1, 8) for _ in range(draw.randint(1, 5))]
        predictions, references = ([draw.choices(TAGS, k=n) for n in lengths] for _ in range(2))
        scores = compute_task_metrics(SLOTS, predictions, references)
        expected = {
            "f1": seqeval.f1_score(references, predictions, zero_division=0),
            "precision": seqeval.precision_score(references, predictions, zero_division=0),
            "recall": seqeval.recall_score(references, predictions, zero_division=0),
            "accuracy": seqeval.accuracy_score(references, predictions),
        }
        assert scores == pytest.approx(expected)
