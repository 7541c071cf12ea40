import json

import datasets
import pytest

from polyhead.training.data.data_error import DataError
from polyhead.training.data.tables import has_split, read_table
from polyhead.training.recipe.recipe_sections import DataSource


@pytest.fixture
def source(tmp_path):
    """Build a data set whose paths start from the test's folder."""

    def _source(**fields):
        fields = {"name": "posts", "text": "text", "labels": {"topic": "label"}, **fields}
        return DataSource.model_validate(fields, context={"folder": tmp_path})

    return _source


def write_parquet(file, columns):
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table(columns), file)


def test_parquet_keeps_types_and_nulls(source, tmp_path):
    write_parquet(tmp_path / "t.parquet", {"text": ["a", None], "label": [1, 2]})

    table = read_table(source(train="t.parquet"), "train")

    assert table.columns == ["text", "label"]
    assert table.records == [{"text": "a", "label": 1}, {"text": None, "label": 2}]
    assert table.where(1) == "t.parquet:2"


def test_a_file_that_is_no_parquet_is_refused(source, tmp_path):
    (tmp_path / "t.parquet").write_text("text,label")

    with pytest.raises(DataError, match=r"t\.parquet: cannot be read as Parquet"):
        read_table(source(train="t.parquet"), "train")


def test_tsv_is_split_at_tabs_and_csv_at_the_delimiter_given(source, tmp_path):
    (tmp_path / "t.tsv").write_text("text\tlabel\na,b\tx\n")
    (tmp_path / "t.csv").write_text("text;label\na,b;x\n")

    assert read_table(source(train="t.tsv"), "train").records == [{"text": "a,b", "label": "x"}]
    assert read_table(source(train="t.csv", delimiter=";"), "train").records == [{"text": "a,b", "label": "x"}]


def test_columns_of_json_lines_are_those_of_any_row(source, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "a"}\n{"text": "b", "label": "x"}\n')

    assert read_table(source(train="t.jsonl"), "train").columns == ["text", "label"]


def test_max_rows_shortens_the_train_split_only(source, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n')
    posts = source(train="t.jsonl", test="t.jsonl", max_rows=1)

    assert len(read_table(posts, "train").records) == 1
    assert len(read_table(posts, "test").records) == 2


def test_a_missing_file_is_named_with_its_whole_path_and_its_variable(source, tmp_path, monkeypatch):
    monkeypatch.delenv("SOME_DATA", raising=False)

    with pytest.raises(DataError) as caught:
        read_table(source(train="${SOME_DATA:-data}/t.jsonl"), "train")

    problem = str(caught.value)
    assert str((tmp_path / "data" / "t.jsonl").resolve()) in problem
    assert "data.posts.train" in problem
    assert "export SOME_DATA=" in problem


@pytest.mark.parametrize(
    ("name", "complaint"), [("t.json", "ends in '.json'; use one of .jsonl"), ("d.csv", "is a directory")]
)
def test_what_is_no_data_file_is_refused(source, tmp_path, name, complaint):
    (tmp_path / "t.json").write_text("[]")
    (tmp_path / "d.csv").mkdir()

    with pytest.raises(DataError, match=complaint):
        read_table(source(train=name), "train")


def test_a_file_without_rows_is_refused(source, tmp_path):
    (tmp_path / "t.csv").write_text("text,label\n")

    with pytest.raises(DataError, match=r"t\.csv: no rows"):
        read_table(source(train="t.csv"), "train")


def test_a_split_that_is_not_there_is_refused(source):
    posts = source(train="t.csv")

    assert has_split(posts, "train")
    assert not has_split(posts, "test")
    with pytest.raises(ValueError, match="data set 'posts' has no split 'test', only train"):
        read_table(posts, "test")
    with pytest.raises(ValueError, match="'tets' is no split; closest is 'test'"):
        has_split(posts, "tets")


def test_a_data_set_is_loaded_by_name_with_its_splits(source, tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "hub").mkdir()
    for split, label in (("train", "x"), ("test", "y")):
        (tmp_path / "hub" / f"{split}.jsonl").write_text(json.dumps({"text": "a", "label": label}) + "\n")
    posts = source(dataset=str(tmp_path / "hub"), splits={"train": "train", "validation": "test"})

    assert read_table(posts, "validation").records == [{"text": "a", "label": "y"}]
    assert not has_split(posts, "test")
    assert has_split(source(dataset=str(tmp_path / "hub")), "test")


def test_class_ids_of_a_data_set_become_names_and_minus_one_missing(source, tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["neg", "pos"]),
            "tags": datasets.List(datasets.ClassLabel(names=["O", "B-x"])),
        }
    )
    columns = {"text": ["a", "b", "c"], "label": [1, 0, -1], "tags": [[0, 1], [], [1]]}
    (tmp_path / "posts").mkdir()
    datasets.Dataset.from_dict(columns, features=features).to_parquet(tmp_path / "posts" / "train.parquet")

    table = read_table(source(dataset=str(tmp_path / "posts")), "train")

    assert [record["label"] for record in table.records] == ["pos", "neg", None]
    assert [record["tags"] for record in table.records] == [["O", "B-x"], [], ["B-x"]]
    assert table.where(0) == f"{tmp_path / 'posts'}/train:1"


def test_a_data_set_that_cannot_be_loaded_is_an_error_without_traceback(source, tmp_path):
    with pytest.raises(DataError, match="check name, config and splits, and the connection"):
        read_table(source(dataset=str(tmp_path / "absent" / "set")), "train")
