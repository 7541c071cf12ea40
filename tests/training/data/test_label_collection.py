import json
import math

import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.data.data_error import DataError
from polyhead.training.data.label_collection import collect_labels
from polyhead.training.recipe.recipe_sections import DataSource


@pytest.fixture
def collect(tmp_path):
    """Complete one task from the values of one or more columns of train rows."""

    def _collect(kind, *columns, labels="c0", names=None, task_labels=None, **fields):
        rows = [
            {"text": "x", **{f"c{n}": value for n, value in enumerate(values)}} for values in zip(*columns, strict=True)
        ]
        (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        source = {
            "name": "d",
            "train": "t.jsonl",
            "text": "text",
            "labels": {"t": labels},
            "label_names": {"t": names or {}},
        }
        sources = [DataSource.model_validate(source, context={"folder": tmp_path})]
        return collect_labels([TaskConfig(name="t", kind=kind, labels=task_labels, **fields)], sources)[0]

    return _collect


def test_labels_are_sorted_and_missing_ones_skipped(collect):
    assert collect("single_label_classification", ["b", None, "a", "b"]).labels == ["a", "b"]


def test_labels_of_the_recipe_keep_their_order(collect):
    assert collect("single_label_classification", ["b", "a"], task_labels=["b", "a"]).labels == ["b", "a"]


def test_ordinal_labels_are_sorted_by_number(collect):
    assert collect("ordinal_regression", [10, 9, 2]).labels == ["2", "9", "10"]


def test_ordinal_labels_without_numbers_must_be_given(collect):
    with pytest.raises(DataError, match=r"\['bad', 'good'\] have no numeric order; write them in order"):
        collect("ordinal_regression", ["good", "bad"])


def test_tags_begin_with_o_even_where_no_word_has_it(collect):
    assert collect("token_classification", [["B-x", "I-x"], ["B-a"]]).labels == ["O", "B-a", "B-x", "I-x"]
    assert collect("token_classification", [["I-x", "I-x"], ["O"]]).labels == ["O", "B-x", "I-x"]  # IOB1


def test_tags_that_are_not_bio_are_refused(collect):
    with pytest.raises(DataError, match=r"\['PER'\] are no BIO tags"):
        collect("token_classification", [["O", "PER"]])


def test_labels_of_lists_are_their_items(collect):
    assert collect("multi_label_classification", [["b"], [], ["c", "a"]]).labels == ["a", "b", "c"]


def test_names_are_applied_before_labels_are_collected(collect):
    assert collect("binary_classification", [0, 1], names={"0": "neg", "1": "pos"}).labels == ["neg", "pos"]


def test_a_third_class_in_a_binary_task_is_refused(collect):
    with pytest.raises(DataError, match=r"must be two: \[negative, positive\]"):
        collect("binary_classification", ["a", "b", "c"])


def test_regression_gets_mean_and_standard_deviation(collect):
    task = collect("regression", [1.0, 3.0, None])

    assert (task.target_mean, task.target_scale, task.labels) == ([2.0], [1.0], None)


def test_regression_of_several_columns_is_named_after_them(collect):
    task = collect("regression", [0.0, 4.0], [7, 7], labels=["c0", "c1"])

    assert task.labels == ["c0", "c1"]
    assert task.target_mean == [2.0, 7.0]
    assert task.target_scale == [2.0, 1.0]  # equal targets have no spread to divide by


def test_mean_and_scale_of_the_recipe_stay(collect):
    task = collect("regression", [1.0, 3.0], target_mean=[5.0])

    assert task.target_mean == [5.0]
    assert math.isclose(task.target_scale[0], 1.0)


def test_similarity_outside_0_to_1_sets_the_range(collect):
    assert collect("pair_similarity", [0.5, 4.0]).value_range == [0.5, 4.0]
    assert collect("pair_similarity", [0.5, 0.9]).value_range is None


@pytest.mark.parametrize(
    ("kind", "values", "complaint"),
    [
        ("single_label_classification", [None, None], "no usable label in t.jsonl column 'c0': all values are missing"),
        ("single_label_classification", [1.5, 2.5], "the first value is 1.5"),
        ("regression", ["high"], "the first value is 'high'"),
    ],
)
def test_a_task_without_a_usable_label_is_refused(collect, kind, values, complaint):
    with pytest.raises(DataError, match=complaint):
        collect(kind, values)


def test_labels_come_from_all_data_sets_that_carry_the_task(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\nx,b\n")
    (tmp_path / "b.jsonl").write_text('{"body": "y", "topic": "a"}\n')
    sources = [
        DataSource.model_validate(fields, context={"folder": tmp_path})
        for fields in (
            {"name": "a", "train": "a.csv", "text": "text", "labels": {"t": "label"}},
            {"name": "b", "train": "b.jsonl", "text": "body", "labels": {"t": "topic"}},
        )
    ]

    assert collect_labels([TaskConfig(name="t", kind="binary_classification")], sources)[0].labels == ["a", "b"]
