"""The results file: whole lines, of the study as it is now."""

import json
import math

import pytest

from polyhead.training.study.cells import plan_cells
from polyhead.training.study.results_file import append_result, begin_results, read_results


@pytest.fixture
def cells(study_of):
    return plan_cells(study_of())


def begin(file, cells):
    return list(begin_results(file, cells, lambda line: True).values())


def line_of(cell, **fields):
    recipe, size, variant, seed = cell.place
    place = {"recipe": recipe, "size": size, "variant": variant, "seed": seed}
    return place | {"settings_hash": cell.settings_hash} | fields


@pytest.mark.parametrize("half", [b'{"recipe": "rec', '{"recipe": "\u00e9'.encode()[:-1]])
def test_half_a_line_at_the_end_is_dropped_and_the_next_one_stands_whole(cells, tmp_path, half):
    file = tmp_path / "r.jsonl"
    append_result(file, line_of(cells[0], score=0.5))
    with file.open("ab") as lines:
        lines.write(half)

    assert [line["score"] for line in begin(file, cells)] == [0.5]
    append_result(file, line_of(cells[1], score=0.6))

    assert [line["score"] for line in read_results(file)] == [0.5, 0.6]


def test_a_broken_line_in_the_middle_is_told_by_number(cells, tmp_path):
    file = tmp_path / "r.jsonl"
    file.write_text('{"score": 1}\n{"sco\n{"score": 2}\n')
    with pytest.raises(ValueError, match=r"r\.jsonl', line 2: no JSON object; take the line out"):
        begin(file, cells)


def test_lines_of_other_settings_or_of_no_cell_move_aside_and_it_is_said(cells, tmp_path, caplog):
    file = tmp_path / "r.jsonl"
    lines = [line_of(cells[0], score=0.1), line_of(cells[1], score=0.2), line_of(cells[2], score=0.3)]
    lines[1]["settings_hash"] = "before"
    lines[2]["variant"] = "gone"
    for line in lines:
        append_result(file, line)

    assert [line["score"] for line in begin(file, cells)] == [0.1]
    assert [line["score"] for line in read_results(file)] == [0.1]
    assert [line["score"] for line in read_results(tmp_path / "r-old.jsonl")] == [0.2, 0.3]
    (told,) = caplog.messages
    assert told.startswith("2 results are of other settings or data")
    assert str(tmp_path / "r-old.jsonl") in told
    caplog.clear()
    begin(file, cells)
    assert not caplog.messages


def test_lines_of_other_data_move_aside_and_those_from_before_data_was_hashed_stay(study_of, folder, tmp_path):
    study, file = study_of(), tmp_path / "r.jsonl"
    before = plan_cells(study)
    append_result(file, line_of(before[0], score=0.1, data_hash=before[0].data_hash))
    append_result(file, line_of(before[1], score=0.2))
    assert [line["score"] for line in begin(file, plan_cells(study))] == [0.1, 0.2]

    data = folder / "train.jsonl"
    data.write_text(data.read_text().replace("a", "o", 1))

    assert [line["score"] for line in begin(file, plan_cells(study))] == [0.2]
    assert plan_cells(study, will_run=False)[0].data_hash is None


def test_of_two_lines_of_one_cell_the_newer_stays(cells, tmp_path):
    file = tmp_path / "r.jsonl"
    for score in (0.1, 0.2):
        append_result(file, line_of(cells[0], score=score))
    assert [line["score"] for line in begin(file, cells)] == [0.2]
    assert [line["score"] for line in read_results(tmp_path / "r-old.jsonl")] == [0.1]


def test_numbers_that_json_lacks_are_null(tmp_path):
    append_result(tmp_path / "r.jsonl", {"validation": {"a": math.nan}, "curve": [[1, math.inf]]})
    assert json.loads((tmp_path / "r.jsonl").read_text()) == {"validation": {"a": None}, "curve": [[1, None]]}
