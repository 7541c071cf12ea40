import numpy as np

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.metrics.confusion import count_confusion

TOPIC = TaskConfig(name="topic", kind="single_label_classification", labels=["a", "b", "c"])


def test_rows_are_true_labels_and_columns_predicted_ones():
    logits = np.array([[1.0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]])
    found = count_confusion(TOPIC, logits, [0, 0, 1, 1])

    assert found.labels == ["a", "b", "c"]
    assert found.counts.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]


def test_binary_answers_follow_the_threshold():
    task = TaskConfig(name="loud", kind="binary_classification", labels=["no", "yes"], thresholds=[0.7])
    found = count_confusion(task, np.array([0.0, 0.5, 2.0]), [0, 1, 1])  # probabilities 0.50, 0.62, 0.88

    assert found.counts.tolist() == [[1, 0], [1, 1]]


def test_words_are_counted_by_entity_type():
    task = TaskConfig(name="slots", kind="token_classification", labels=["O", "B-pet", "I-pet", "B-toy", "I-toy"])
    found = count_confusion(task, [["B-pet", "O"], ["B-toy"]], [["I-pet", "B-toy"], ["B-pet"]])

    assert found.labels == ["O", "pet", "toy"]
    assert found.counts.tolist() == [[0, 0, 0], [0, 1, 1], [1, 0, 0]]


def test_numbers_and_label_sets_have_none():
    assert count_confusion(TaskConfig(name="stars", kind="regression"), [[1.0]], [[2.0]]) is None
    tags = TaskConfig(name="tags", kind="multi_label_classification", labels=["x", "y"])
    assert count_confusion(tags, [[1.0, 0.0]], [[1, 0]]) is None
