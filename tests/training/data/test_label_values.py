import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.data.label_columns import BELONGS
from polyhead.training.data.label_values import label_encoder


def encoder(kind, names=None, **fields):
    return label_encoder(TaskConfig(name="t", kind=kind, **fields), names or {})


def test_a_class_is_its_position_in_the_labels():
    encode = encoder("single_label_classification", labels=["b", "a", "c"])

    assert [encode(value) for value in ("b", "a", "c")] == [0, 1, 2]


@pytest.mark.parametrize(("value", "position"), [(0, 0), ("0", 0), (True, 1), ("true", 1)])
def test_numbers_and_truth_values_are_their_text_in_json(value, position):
    assert encoder("single_label_classification", labels=["0", "true"])(value) == position


def test_names_turn_values_of_the_file_into_labels():
    encode = encoder("binary_classification", {"0": "negative", "1": "positive"}, labels=["negative", "positive"])

    assert [encode(0), encode("1"), encode("positive")] == [0, 1, 1]


def test_several_labels_are_one_number_per_label():
    encode = encoder("multi_label_classification", labels=["a", "b", "c"])

    assert encode(["c", "a"]) == [1.0, 0.0, 1.0]
    assert encode([]) == [0.0, 0.0, 0.0]


def test_tags_are_one_position_a_word():
    assert encoder("token_classification", labels=["O", "B-x", "I-x"])(["O", "B-x", "I-x", "O"]) == [0, 1, 2, 0]
    assert encoder("token_classification", labels=["O", "B-x", "I-x"])(["I-x", "I-x", "B-x"]) == [1, 2, 1]  # IOB1
    assert encoder("token_classification", labels=["O", "I-x"])(["I-x", "I-x"]) == [1, 1]


def test_regression_values_are_finite_floats():
    assert encoder("regression")(3) == 3.0
    assert encoder("regression")("-1.5e2") == -150.0
    assert encoder("regression", labels=["V", "A"])([1, 2.5]) == [1.0, 2.5]


def test_similarity_stays_as_it_is_in_the_file():
    assert encoder("pair_similarity", value_range=[0, 5])(4.2) == 4.2


@pytest.mark.parametrize(
    ("kind", "fields", "value", "complaint"),
    [
        (
            "single_label_classification",
            {"labels": ["Science", "Sports"]},
            "Scince",
            "'Scince' is not a label of task 't'",
        ),
        ("single_label_classification", {"labels": ["Science", "Sports"]}, "Scince", "closest is 'Science'"),
        ("single_label_classification", {"labels": ["a", "b"]}, 1.0, "the number 1.0 came; a label is text"),
        ("single_label_classification", {"labels": ["a", "b"]}, ["a"], r"the list \['a'\] came"),
        ("single_label_classification", {"labels": ["a", "b"]}, {"x": 1}, "the object"),
        ("multi_label_classification", {"labels": ["a", "b"]}, "a", "the text 'a' came; write a list of labels"),
        ("multi_label_classification", {"labels": ["a", "b"]}, ["a", "z"], "'z' is not a label"),
        ("token_classification", {"labels": ["O", "B-x"]}, "O", "write a list of labels"),
        ("regression", {}, "high", "the text 'high' came; write a number"),
        ("regression", {}, "1_000", "write a number"),
        ("regression", {}, True, "came; write a number"),
        ("regression", {}, float("nan"), "nan came; write a finite number"),
        ("regression", {}, float("inf"), "inf came; write a finite number"),
        ("regression", {"labels": ["V", "A"]}, [1.0], "write a list of 2 numbers: V, A"),
        ("pair_similarity", {"value_range": [0, 5]}, 5.1, r"5.1 is outside value_range \[0, 5\]"),
        ("pair_similarity", {}, 3.0, r"3.0 is outside value_range \[0.0, 1.0\]"),
    ],
)
def test_a_value_that_the_task_cannot_take_is_refused(kind, fields, value, complaint):
    with pytest.raises(ValueError, match=complaint):
        encoder(kind, **fields)(value)


def test_a_pair_belongs_together_at_the_top_of_the_range_or_without_a_label_column():
    encode = encoder("pair_similarity", loss="multiple_negatives_ranking", value_range=[0, 5])

    assert [encode(value) for value in (5, "5.0", 4.9, 0, BELONGS)] == [5.0, 5.0, None, None, 5.0]
    with pytest.raises(ValueError, match=r"6\.0 is outside value_range"):
        encode(6)
    with pytest.raises(ValueError, match="write a number"):
        encode(False)
