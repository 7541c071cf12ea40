"""A train split that is read table after table: the same records, and no more in memory than one table."""

import csv
import json
import tracemalloc
from itertools import islice

import datasets
import pyarrow
import pyarrow.parquet
import pytest

from polyhead.training.data.data_error import DataError
from polyhead.training.data.tables import read_table
from polyhead.training.data.tables_streamed import stream_tables
from polyhead.training.recipe.recipe_sections import DataSource

RECORDS = [{"text": f"row {number}, \u2028 é", "label": "xy"[number % 2]} for number in range(7)]


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Build a data set whose paths start from the test's folder."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")

    def _source(**fields):
        fields = {"name": "posts", "text": "text", "labels": {"topic": "label"}, "streaming": True, **fields}
        return DataSource.model_validate(fields, context={"folder": tmp_path})

    return _source


def write(folder):
    """Write `RECORDS` in every form; return the fields that name each."""
    lines = [json.dumps(record) for record in RECORDS]
    (folder / "t.jsonl").write_text("\ufeff" + "\n\n".join(lines), encoding="utf-8")
    for name, delimiter in (("t.csv", ","), ("t.tsv", "\t")):
        with (folder / name).open("w", encoding="utf-16" if name == "t.csv" else "utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["text", "label"], delimiter=delimiter)
            writer.writeheader()
            writer.writerows(RECORDS)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(RECORDS), folder / "t.parquet")
    (folder / "hub").mkdir()
    (folder / "hub" / "train.jsonl").write_text("\n".join(lines))
    files = {"t.jsonl": {}, "t.csv": {"encoding": "utf-16"}, "t.tsv": {}, "t.parquet": {}}
    return {
        **{name: {"train": name, **fields} for name, fields in files.items()},
        "hub": {"dataset": str(folder / "hub")},
    }


@pytest.mark.parametrize("form", ["t.jsonl", "t.csv", "t.tsv", "t.parquet", "hub"])
def test_tables_of_a_stream_hold_the_records_of_the_whole(source, tmp_path, form):
    fields = write(tmp_path)[form]
    whole = read_table(source(**fields, streaming=False), "train")
    parts = list(stream_tables(source(**fields), 3))

    assert whole.records == RECORDS
    assert [len(part.records) for part in parts if part.records] == [3, 3, 1]
    assert [record for part in parts for record in part.records] == RECORDS
    assert [part.where(row) for part in parts for row in range(len(part.records))] == list(map(whole.where, range(7)))
    assert all(part.columns == whole.columns for part in parts if part.records)
    assert all(part.is_text_only == whole.is_text_only for part in parts if part.records)


@pytest.mark.parametrize("form", ["t.jsonl", "t.csv", "t.tsv", "t.parquet", "hub"])
def test_of_a_stream_the_first_rows_are_read_as_its_table(source, tmp_path, form):
    fields = write(tmp_path)[form]

    assert read_table(source(**fields, first_rows=5), "train").records == RECORDS[:5]


def test_class_ids_of_a_streamed_data_set_become_names_too(source, tmp_path):
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    (tmp_path / "posts").mkdir()
    columns = {"text": ["a", "b", "c"], "label": [1, 0, -1]}
    datasets.Dataset.from_dict(columns, features=features).to_parquet(tmp_path / "posts" / "train.parquet")
    tables = list(stream_tables(source(dataset=str(tmp_path / "posts")), 2))

    assert [record["label"] for table in tables for record in table.records] == ["pos", "neg", None]


BROKEN = {
    "t.jsonl": ('{"text": "a"}\n' * 2000 + '{"text": \n', r"t\.jsonl:2001: not JSON at column 10"),
    "ragged t.csv": ("text,label\n" + "a,x\n" * 2000 + "a,b,x\n", r"t\.csv:2002: 3 cells where the header has 2"),
    # Far behind the first block, and split by the end of one: 8192 = 11 + 8181 bytes.
    "latin-1 t.csv": (
        b"text,label\n" + b"a,x\n" * 2045 + b"\xc3",
        r"t\.csv:2047: byte 0xc3 is not utf-8; name the file's encoding",
    ),
    "later latin-1 t.csv": (
        "\ufefftext,label\n".encode() + "é,x\n".encode() * 9000 + b"caf\xe9,x\n" + b"b,y\n" * 9000,
        r"t\.csv:9002: byte 0xe9 is not utf-8",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_row_is_told_when_the_reading_comes_to_it_and_not_before(source, tmp_path, name):
    content, complaint = BROKEN[name]
    file = name.split()[-1]
    (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    tables = stream_tables(source(train=file), 10)

    assert len(next(tables).records) == 10
    with pytest.raises(DataError, match=complaint):
        list(tables)


@pytest.mark.parametrize(
    ("content", "encoding", "complaint"),
    [
        ("text,label\n".encode("utf-16"), None, "begins with the mark of UTF-16"),
        (b"text,label\n", "utf-99", "encoding 'utf-99' is unknown to Python"),
        (b"text;label\n", None, "write `delimiter: ';'`"),
        (b"text,label\n", None, r"t\.csv: no rows; data\.posts\.train needs at least one"),
    ],
)
def test_a_streamed_csv_that_cannot_be_read_is_refused_as_a_whole_one(source, tmp_path, content, encoding, complaint):
    (tmp_path / "t.csv").write_bytes(content)

    for streaming in (True, False):
        with pytest.raises(DataError, match=complaint):
            read_table(source(train="t.csv", encoding=encoding, streaming=streaming), "train")


def test_cells_of_any_length_are_read_by_two_streams_in_turn(source, tmp_path):
    (tmp_path / "t.csv").write_text("text,label\n" + f"{'a' * 200_000},x\n" * 4)
    limit = csv.field_size_limit()
    first, second = (stream_tables(source(train="t.csv"), 1) for _ in range(2))

    assert [len(next(tables).records[0]["text"]) for _ in range(2) for tables in (first, second)] == [200_000] * 4
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_reading_takes_the_memory_of_one_table_whatever_the_file_holds(source, tmp_path, ending):
    line = json.dumps(RECORDS[0]) if ending == "jsonl" else "row,x"
    head = "" if ending == "jsonl" else "text,label\n"
    peaks = []
    for num_rows in (2_000, 20_000):
        (tmp_path / f"t.{ending}").write_text(head + f"{line}\n" * num_rows)
        tracemalloc.start()
        assert sum(len(table.records) for table in stream_tables(source(train=f"t.{ending}"), 500)) == num_rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.1 * peaks[0]
    assert list(islice(stream_tables(source(train=f"t.{ending}"), 20_000), 2))[1].records == []


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"max_rows": 5}, "max_rows and streaming came; leave max_rows out"),
        ({"train": None, "test": "t.csv"}, "streaming reads train, and there is none; add `train: file`"),
    ],
)
def test_settings_of_a_stream_that_contradict_each_other_are_refused(source, fields, complaint):
    with pytest.raises(ValueError, match=complaint):
        source(**{"train": "t.csv", **fields})


def test_a_stream_switched_off_may_keep_its_other_settings(tmp_path):
    fields = {"name": "d", "train": "t.csv", "text": "text", "labels": {"topic": "label"}, "first_rows": 5}
    assert not DataSource.model_validate({**fields, "streaming": False}, context={"folder": tmp_path}).streaming
    with pytest.raises(ValueError, match=r"first_rows came without a stream; add `streaming: true`"):
        DataSource.model_validate(fields, context={"folder": tmp_path})
