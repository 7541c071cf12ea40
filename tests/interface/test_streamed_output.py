"""From a file to a file, part by part: `polyhead predict` and `encode` with --file and --output."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest

from polyhead import PolyheadModel, TaskConfig, commands_answer
from polyhead.embedding_output import embedding_writer
from polyhead.file_texts import text_parts
from polyhead.modeling.scope_polyhead import Scope
from polyhead.output_files import whole_file
from polyhead.rate_bar import count_rows
from polyhead.training.processor import processor_has_bfloat16

TEXTS = ["a goal", "an atom", "the cat sat", "a", "the dog on a mat", "one more", "last"]


@pytest.fixture
def file(folder, monkeypatch):
    """Seven texts in a file that is read three at a time."""
    monkeypatch.setattr(commands_answer, "ROWS_PER_PART", 3)
    Path("texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return "texts.jsonl"


@pytest.mark.parametrize("ending", ["npy", "jsonl", "parquet"])
def test_embeddings_of_a_long_file_are_those_of_its_texts(polyhead, trained, file, ending):
    told = polyhead("encode", trained, "--file", file, "--output", f"e.{ending}").stdout
    assert told == f"embeddings: e.{ending} (7 texts, 16 numbers each)\n"
    read = {
        "npy": lambda: np.load("e.npy"),
        "jsonl": lambda: [json.loads(line)["embedding"] for line in Path("e.jsonl").read_text().splitlines()],
        "parquet": lambda: parquet.read_table("e.parquet").to_pydict()["embedding"],
    }
    expected = PolyheadModel.from_pretrained(trained).encode(TEXTS)
    np.testing.assert_allclose(read[ending](), expected, atol=1e-6)


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_answers_of_a_long_file_are_those_of_its_texts(polyhead, trained, file, ending):
    told = polyhead("predict", trained, "--file", file, "--output", f"a.{ending}", "--tasks", "topic").stdout
    assert told == f"answers: a.{ending} (7 texts; topic)\n"
    expected = PolyheadModel.from_pretrained(trained).predict(TEXTS, tasks=["topic"])["topic"]
    found = _read_answers(f"a.{ending}")
    assert [record["text"] for record in found] == TEXTS
    assert [record["answers"]["topic"]["label"] for record in found] == [answer["label"] for answer in expected]
    for record, answer in zip(found, expected, strict=True):
        assert record["answers"]["topic"]["scores"] == pytest.approx(answer["scores"], abs=1e-6)


def test_every_kind_of_answer_keeps_all_that_it_holds_in_parquet(polyhead, folder, make_model, all_tasks):
    model = make_model(tasks=all_tasks())
    model.save_pretrained("all")
    Path("texts.txt").write_text("\n".join(TEXTS))
    polyhead("predict", "all", "--file", "texts.txt", "--output", "a.parquet")
    polyhead("predict", "all", "--file", "texts.txt", "--output", "a.jsonl")
    for found, expected in zip(_read_answers("a.parquet"), _read_answers("a.jsonl"), strict=True):
        assert set(found["answers"]) == set(expected["answers"])
        for task, answer in expected["answers"].items():
            _assert_alike(_without_none(found["answers"][task]), answer)


def test_a_withheld_answer_keeps_all_that_it_holds_in_parquet(polyhead, folder, make_model):
    labels = ["Science", "Sports"]
    topic = TaskConfig(name="topic", kind="single_label_classification", labels=labels, max_out_of_scope=1e-3)
    model = make_model(tasks=[topic])
    model.scopes = {"topic": Scope.of(model.encode(TEXTS[:1]))}
    model.save_pretrained("model")
    Path("texts.txt").write_text("\n".join(TEXTS))
    for ending in ("parquet", "jsonl"):
        polyhead("predict", "model", "--file", "texts.txt", "--abstain", "--output", f"a.{ending}")
    found, expected = _read_answers("a.parquet"), _read_answers("a.jsonl")
    assert {record["answers"]["topic"]["reason"] for record in expected} == {None, "out of scope"}
    for record, other in zip(found, expected, strict=True):
        _assert_alike(_without_none(record["answers"]), _without_none(other["answers"]))


@pytest.mark.parametrize("command", ["predict", "encode"])
def test_a_lone_surrogate_stands_in_parquet_as_the_mark_for_what_cannot_be_read(polyhead, trained, folder, command):
    Path("t.jsonl").write_text('{"text": "a \\ud800 goal"}\n')
    result = polyhead(command, trained, "--file", "t.jsonl", "--output", "o.parquet")
    assert result.exit_code == 0, result.stderr
    assert parquet.read_table("o.parquet").to_pydict()["text"] == ["a \ufffd goal"]


def test_pairs_go_from_file_to_file(polyhead, folder, make_model, all_tasks):
    make_model(tasks=all_tasks()).save_pretrained("all")
    Path("pairs.csv").write_text("one,other\na cat,a dog\nthe cat,the cat\n")
    columns = ["--column", "one", "--column", "other"]
    polyhead("predict", "all", "--file", "pairs.csv", *columns, "--output", "a.parquet")
    polyhead("predict", "all", "--file", "pairs.csv", *columns, "--output", "a.jsonl")
    for found, expected in zip(_read_answers("a.parquet"), _read_answers("a.jsonl"), strict=True):
        assert found["text"] == expected["text"]
        assert set(found["answers"]) == set(expected["answers"])
        for task, answer in expected["answers"].items():
            _assert_alike(_without_none(found["answers"][task]), answer)


def test_a_parquet_file_is_read_as_well(polyhead, trained, file):
    polyhead("encode", trained, "--file", file, "--output", "first.parquet")
    polyhead("encode", trained, "--file", "first.parquet", "--output", "second.parquet")
    assert parquet.read_table("first.parquet").equals(parquet.read_table("second.parquet"))


def test_flagged_texts_keep_their_row(polyhead, trained, folder):
    Path("t.jsonl").write_text('{"text": "a goal"}\n{"text": " "}\n{"text": 3}\n')
    options = ["--file", "t.jsonl", "--on-bad", "flag", "--output"]
    polyhead("encode", trained, *options, "e.parquet")
    polyhead("predict", trained, *options, "a.parquet", "--tasks", "topic")
    embeddings = parquet.read_table("e.parquet").to_pylist()
    assert [row["text"] for row in embeddings] == ["a goal", " ", None]
    assert [row["embedding"] is None for row in embeddings] == [False, True, True]
    assert [row["answers"]["topic"]["error"] for row in _read_answers("a.parquet")] == [
        None,
        "is empty or blank",
        "is of type int, not a string",
    ]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["a goal", "an atom", "the cat", " "], "t.csv:5: is empty or blank"),
        (["a", "b", "c", "d,e"], "t.csv:5: 2 cells"),
    ],
)
def test_what_is_wrong_with_the_last_row_is_told_before_any_work(polyhead, folder, monkeypatch, rows, told):
    monkeypatch.setattr(commands_answer, "ROWS_PER_PART", 2)
    _write_rows("t.csv", rows)
    for command, ending in (("encode", "npy"), ("predict", "jsonl")):
        result = polyhead(command, "no-model", "--file", "t.csv", "--output", f"o.{ending}")
        assert result.exit_code == 2
        assert told in result.stderr


def test_a_text_that_cannot_be_read_in_a_later_part_leaves_no_file(polyhead, trained, folder, monkeypatch):
    monkeypatch.setattr(commands_answer, "ROWS_PER_PART", 2)
    Path("t.txt").write_text("a goal\nan atom\nthe cat\n\n")
    result = polyhead("encode", trained, "--file", "t.txt", "--output", "e.parquet")
    assert result.exit_code == 2
    assert "t.txt:4: is empty or blank" in result.stderr
    assert [path.name for path in folder.iterdir() if "e.parquet" in path.name] == []


def test_a_file_is_never_overwritten_and_its_ending_is_checked_first(polyhead, trained, file):
    Path("old.parquet").write_text("mine")
    for command in ("encode", "predict"):
        result = polyhead(command, trained, "--file", file, "--output", "old.parquet")
        assert (result.exit_code, Path("old.parquet").read_text()) == (2, "mine")
        assert "exists and is not overwritten" in result.stderr
        assert "ends in '.pkl'" in polyhead(command, "no-model", "--file", file, "--output", "a.pkl").stderr


def test_no_more_is_read_than_the_part_that_is_asked_for(folder):
    Path("t.jsonl").write_text('{"text": "a"}\n{"text": "b"}\nno JSON\n')
    parts = text_parts(Path("t.jsonl"), [], 2)
    assert next(parts).texts == ["a", "b"]
    with pytest.raises(ValueError, match=r"t\.jsonl:3"):
        next(parts)


@pytest.mark.parametrize("name", ["t.txt", "t.jsonl", "t.csv", "t.tsv", "t.parquet", "t.JSONL", "t.CSV", "t.Parquet"])
def test_parts_together_are_the_file(folder, name):
    rows = ["a", "b", "c", "d", "e"]
    _write_rows(name, rows)
    parts = list(text_parts(Path(name), [], 2))
    assert [part.texts for part in parts] == [["a", "b"], ["c", "d"], ["e"]]
    (whole,) = text_parts(Path(name), [], None)
    assert whole.texts == rows
    assert whole.where == [place for part in parts for place in part.where]
    assert len(rows) <= count_rows(Path(name)) <= len(rows) + 2


def test_an_unfinished_file_goes_away_with_the_error(tmp_path):
    def _write_half():
        with whole_file(tmp_path / "a.bin") as stream:
            stream.write(b"half")
            assert list(tmp_path.iterdir())
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        _write_half()
    assert not list(tmp_path.iterdir())


def test_two_commands_that_were_told_the_same_file_keep_what_both_wrote(tmp_path):
    file = tmp_path / "answers.jsonl"

    def _write_both():
        with whole_file(file) as slow:
            slow.write(b"slow 1\n")
            with whole_file(file) as quick:
                quick.write(b"quick\n")
            slow.write(b"slow 2\n")

    with pytest.raises(ValueError, match=r"answers\.jsonl was written by another command meanwhile") as told:
        _write_both()
    assert file.read_bytes() == b"quick\n"
    (kept,) = [path for path in tmp_path.iterdir() if path != file]
    assert kept.read_bytes() == b"slow 1\nslow 2\n"
    assert str(kept) in str(told.value)


def test_the_header_of_an_array_counts_rows_that_came_later(tmp_path):
    with embedding_writer(tmp_path / "e.npy", 2) as write:
        for _ in range(1234):
            write(["a"], np.ones((1, 2), dtype=np.float32))
    assert np.load(tmp_path / "e.npy").shape == (1234, 2)
    assert np.load(tmp_path / "e.npy").all()


def test_fastest_numbers_are_chosen_by_the_processor_and_told(polyhead, trained, folder):
    has = processor_has_bfloat16()
    result = polyhead("encode", trained, "a goal", "--json", "--dtype", "fastest")
    assert ("dtype: bfloat16" if has else "dtype: float32") in result.stderr
    rounded = json.loads(polyhead("encode", trained, "a goal", "--json", "--dtype", "bfloat16").stdout)["embedding"]
    exact = PolyheadModel.from_pretrained(trained).encode("a goal")
    assert not np.array_equal(rounded, exact)
    np.testing.assert_allclose(rounded, exact, atol=0.05 * np.abs(exact).max())


def _read_answers(name):
    if name.endswith("parquet"):
        return parquet.read_table(name).to_pylist()
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


def _without_none(value):
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value


def _assert_alike(found, expected):
    if isinstance(expected, dict):
        assert set(found) == set(expected)
        for key, value in expected.items():
            _assert_alike(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            _assert_alike(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-6)
    else:
        assert found == expected


def _write_rows(name, rows):
    import pyarrow as pa

    ending = Path(name).suffix.lower()
    if ending == ".parquet":
        parquet.write_table(pa.table({"text": rows}), name)
        return
    lines = [json.dumps({"text": row}) for row in rows] if ending == ".jsonl" else rows
    Path(name).write_text("\n".join((["text"] if ending in (".csv", ".tsv") else []) + lines) + "\n")
