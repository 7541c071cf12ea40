"""A row counts when every task that labels it answers it rightly."""

import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.metrics.joint_accuracy import joint_accuracies, right_rows

INTENT = TaskConfig(name="intent", kind="single_label_classification", labels=["a", "b"])
SLOTS = TaskConfig(name="slots", kind="token_classification", labels=["O", "B-x", "I-x"])
TAGS = TaskConfig(name="tags", kind="multi_label_classification", labels=["p", "q"], thresholds=[0.3])


def test_the_highest_logit_decides_a_single_label():
    assert right_rows(INTENT, [[1.0, 2.0], [3.0, 2.0]], [1, 1]) == [True, False]


def test_every_word_of_a_row_must_have_the_right_tag():
    assert right_rows(SLOTS, [["O", "B-x"], ["O", "B-x"]], [["O", "B-x"], ["B-x", "B-x"]]) == [True, False]


def test_several_labels_are_right_only_together_and_by_the_tasks_threshold():
    # A probability of 0.4 (logit -0.405) is above the threshold of 0.3.
    assert right_rows(TAGS, [[-0.405, -9.0], [-0.405, 9.0]], [[1, 0], [1, 0]]) == [True, False]


@pytest.mark.parametrize("kind", ["regression", "pair_similarity"])
def test_a_number_is_neither_right_nor_wrong(kind):
    assert right_rows(TaskConfig(name="stars", kind=kind), [0.5], [0.5]) is None


def test_only_rows_that_tasks_share_are_counted():
    right = {"intent": {0: True, 1: True, 2: False, 3: True}, "slots": {0: True, 1: False, 2: True}, "topic": {9: True}}
    # Rows 0, 1 and 2 are shared; only row 0 is right in both.
    assert joint_accuracies(right) == {"intent": pytest.approx(1 / 3), "slots": pytest.approx(1 / 3)}
