import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.check.label_summary import LabelSummary, NumberSummary, summarize_labels

from ..conftest import COUNT, LOUD, PET, SLOTS, row

TAGS = TaskConfig(name="tags", kind="multi_label_classification", labels=["x", "y", "z"])
MOOD = TaskConfig(name="mood", kind="regression", labels=["valence", "arousal"])
CLOSE = TaskConfig(name="close", kind="pair_similarity")


@pytest.mark.parametrize(
    ("task", "values", "expected"),
    [
        (PET, [0, 0, 2], LabelSummary(3, {"cat": 2, "dog": 0, "none": 1}, None)),
        (LOUD, [1], LabelSummary(1, {"no": 0, "yes": 1}, None)),
        (TAGS, [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]], LabelSummary(2, {"x": 1, "y": 0, "z": 1}, None)),
        (SLOTS, [[0, 1, 2], [0]], LabelSummary(2, {"O": 2, "B-pet": 1, "I-pet": 1}, None)),
        (COUNT, [1.0, 5.0, 3.0], LabelSummary(3, None, {"value": NumberSummary(1.0, 3.0, 5.0)})),
        (CLOSE, [0.5, 1.0], LabelSummary(2, None, {"value": NumberSummary(0.5, 0.75, 1.0)})),
        (
            MOOD,
            [[1.0, 10.0], [3.0, 20.0]],
            LabelSummary(
                2, None, {"valence": NumberSummary(1.0, 2.0, 3.0), "arousal": NumberSummary(10.0, 15.0, 20.0)}
            ),
        ),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_labels_are_counted_by_name_and_numbers_have_their_range(task, values, expected):
    rows = [row("a", **{task.name: value}) for value in values]

    assert summarize_labels(task, [*rows, row("a")]) == expected


def test_a_task_without_a_labelled_row_has_no_summary():
    assert summarize_labels(PET, [row("a"), row("b", loud=1)]) is None
