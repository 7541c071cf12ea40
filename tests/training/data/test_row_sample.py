"""Samples of rows that keep the shares of their labels."""

from collections import Counter

import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.data.row_sample import sample_table
from polyhead.training.data.rows import load_data, read_rows
from polyhead.training.data.table import Table
from polyhead.training.recipe.recipe_sections import DataSource


@pytest.fixture
def table():
    """A file that is sorted by label: 60 times a, 30 times b, 10 times c."""
    labels = ["a"] * 60 + ["b"] * 30 + ["c"] * 10
    return Table("t.jsonl", ["n", "label"], [{"n": n, "label": label} for n, label in enumerate(labels)], range(1, 101))


def numbers(table):
    return [record["n"] for record in table.records]


@pytest.mark.parametrize("seed", range(5))
def test_a_sample_of_a_sorted_file_has_each_label_in_proportion(table, seed):
    counts = Counter(record["label"] for record in sample_table(table, ["label"], 20, seed).records)
    assert sum(counts.values()) == 20
    assert all(abs(counts[label] - share) < 1 for label, share in {"a": 12, "b": 6, "c": 2}.items())


def test_a_smaller_sample_is_part_of_a_larger_one_and_another_seed_draws_other_rows(table):
    small, large, other = (
        set(numbers(sample_table(table, ["label"], size, seed))) for size, seed in ((10, 1), (50, 1), (10, 2))
    )
    assert small < large
    assert small != other


def test_rows_stay_in_the_order_of_the_file_with_their_places(table):
    sample = sample_table(table, ["label"], 30, 0)
    assert numbers(sample) == sorted(numbers(sample))
    assert [sample.where(index) for index in range(30)] == [f"t.jsonl:{number + 1}" for number in numbers(sample)]


def test_rare_values_are_drawn_as_often_as_others():
    table = Table("t", ["n"], [{"n": n} for n in range(100)], range(1, 101))
    drawn = Counter(number for seed in range(200) for number in numbers(sample_table(table, ["n"], 50, seed)))
    assert len(drawn) == 100  # every row has a chance
    assert all(60 < drawn[number] < 140 for number in range(100))  # 100 of 200 each, 5.6 standard deviations around


def test_a_sample_larger_than_the_file_is_the_file(table):
    assert sample_table(table, ["label"], 500, 0).records == table.records


@pytest.fixture
def source(tmp_path):
    labels = ["a"] * 8 + ["b"] * 4 + ["rare"]
    lines = "".join(f'{{"text": "text {n}", "label": "{label}"}}\n' for n, label in enumerate(labels))
    for split in ("train", "validation"):
        (tmp_path / f"{split}.jsonl").write_text(lines)

    def _source(**fields):
        fields = {"name": "posts", "text": "text", "labels": {"topic": "label"}, **fields}
        files = {split: f"{split}.jsonl" for split in ("train", "validation")}
        return DataSource.model_validate(fields | files, context={"folder": tmp_path})

    return _source


def test_a_sample_is_drawn_of_train_alone_and_keeps_labels_that_it_lacks(source):
    topic = TaskConfig(name="topic", kind="single_label_classification")
    data = load_data([topic], [source(sample_rows=3)])

    assert {split: len(rows["posts"]) for split, rows in data.rows.items() if rows} == {"train": 3, "validation": 13}
    assert data.tasks[0].labels == ["a", "b", "rare"]
    read = {split: len(read_rows(source(sample_rows=3), split, data.tasks)) for split in ("train", "validation")}
    assert read == {"train": 3, "validation": 13}


def test_the_seed_of_a_recipe_decides_which_rows(source):
    topic = TaskConfig(name="topic", kind="single_label_classification")
    drawn = [
        tuple(
            row["where"] for row in load_data([topic], [source(sample_rows=4, sample_seed=seed)]).rows["train"]["posts"]
        )
        for seed in (1, 1, 2, 3)
    ]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) > 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sample_seed": 1}, "sample_seed came without sample_rows"),
        ({"sample_rows": 3, "streaming": True}, "sample_rows and streaming came"),
    ],
)
def test_a_sample_that_cannot_be_drawn_is_refused(source, fields, message):
    with pytest.raises(ValueError, match=message):
        source(**fields)
