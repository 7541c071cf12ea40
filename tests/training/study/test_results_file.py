"""The results file: whole lines, of the study as it is now."""

import json
import math

import pytest
import yaml
from safetensors.torch import load_file, save_file

from polyhead.training.study.cells import plan_cells
from polyhead.training.study.results_file import append_result, begin_results, read_results
from polyhead.training.training import train_recipe


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

    append_result(file, line_of(cells[1], score=0.6))  # as scripts do, which begin nothing
    assert [line["score"] for line in read_results(file)] == [0.5, 0.6]
    with file.open("ab") as lines:
        lines.write(half)

    assert [line["score"] for line in begin(file, cells)] == [0.5, 0.6]
    append_result(file, line_of(cells[2], score=0.7))

    assert [line["score"] for line in read_results(file)] == [0.5, 0.6, 0.7]


def test_a_broken_line_in_the_middle_is_told_by_number(cells, tmp_path):
    file = tmp_path / "r.jsonl"
    file.write_text('{"score": 1}\n{"sco\n{"score": 2}\n')
    with pytest.raises(ValueError, match=r"r\.jsonl', line 2: no JSON object; take the line out"):
        begin(file, cells)


def test_lines_of_other_settings_or_of_no_cell_move_aside_and_it_is_said(cells, tmp_path, caplog):
    file = tmp_path / "r.jsonl"
    lines = [line_of(cells[0], score=0.1), line_of(cells[1], score=0.2), line_of(cells[2], score=0.3)]
    lines[1]["settings_hash"] = "before"
    lines[2]["seed"] = 99
    for line in lines:
        append_result(file, line)

    assert [line["score"] for line in begin(file, cells)] == [0.1]
    assert [line["score"] for line in read_results(file)] == [0.1]
    assert [line["score"] for line in read_results(tmp_path / "r-old.jsonl")] == [0.2, 0.3]
    (told,) = caplog.messages
    assert told.startswith("2 results are of other settings, data or starting weights")
    assert str(tmp_path / "r-old.jsonl") in told
    caplog.clear()
    begin(file, cells)
    assert not caplog.messages


def test_lines_of_other_data_move_aside_and_those_from_before_data_was_hashed_stay(study_of, folder, tmp_path):
    study, file = study_of(), tmp_path / "r.jsonl"
    before = plan_cells(study)
    append_result(file, line_of(before[0], score=0.1, input_hash=before[0].input_hash))
    append_result(file, line_of(before[1], score=0.2))
    assert [line["score"] for line in begin(file, plan_cells(study))] == [0.1, 0.2]

    data = folder / "train.jsonl"
    data.write_text(data.read_text().replace("a", "o", 1))

    assert [line["score"] for line in begin(file, plan_cells(study))] == [0.2]
    assert plan_cells(study, will_run=False)[0].input_hash is None


def test_lines_of_other_starting_weights_move_aside(study_of, folder, tmp_path):
    file, checkpoint = tmp_path / "r.jsonl", folder / "start"
    train_recipe(folder / "recipe.yaml", checkpoint, with_pictures=False)
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text())
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe | {"model": {"checkpoint": "start"}}))
    study = study_of()
    cell = plan_cells(study)[0]
    append_result(file, line_of(cell, score=0.1, input_hash=cell.input_hash))

    (checkpoint / "README.md").write_text("A word more in the card.")
    assert [line["score"] for line in begin(file, plan_cells(study))] == [0.1]

    weights = load_file(checkpoint / "model.safetensors")
    save_file({name: tensor + 0.01 for name, tensor in weights.items()}, checkpoint / "model.safetensors")
    assert not begin(file, plan_cells(study))


def test_lines_of_a_variant_that_was_renamed_go_over_to_its_new_name(study_of, tmp_path, caplog):
    study = "recipe: recipe.yaml\nvary: [{name: %s, train.learning_rate: 0.1}, {name: %s, train.learning_rate: 0.2}]\n"
    file = tmp_path / "r.jsonl"
    for score, cell in enumerate(plan_cells(study_of(study % ("low", "high")))[:2]):
        append_result(file, line_of(cell, score=score))

    for names in (("small", "high"), ("high", "small")):
        lines = begin(file, plan_cells(study_of(study % names)))
        assert [(line["variant"], line["score"]) for line in lines] == list(zip(names, (0, 1), strict=True))
    assert not caplog.messages


def test_a_variant_with_the_settings_of_another_keeps_its_own_lines(study_of, tmp_path):
    twins = (
        "recipe: recipe.yaml\nvary: [{name: one, train.learning_rate: 0.1}, {name: two, train.learning_rate: 0.1}]\n"
    )
    cells, file = plan_cells(study_of(twins))[:2], tmp_path / "r.jsonl"
    for score, cell in enumerate(cells):
        append_result(file, line_of(cell, score=score))

    assert [(line["variant"], line["score"]) for line in begin(file, cells)] == [("one", 0), ("two", 1)]


def test_of_two_lines_of_one_cell_the_newer_stays(cells, tmp_path):
    file = tmp_path / "r.jsonl"
    for score in (0.1, 0.2):
        append_result(file, line_of(cells[0], score=score))
    assert [line["score"] for line in begin(file, cells)] == [0.2]
    assert [line["score"] for line in read_results(tmp_path / "r-old.jsonl")] == [0.1]


def test_numbers_that_json_lacks_are_null(tmp_path):
    append_result(tmp_path / "r.jsonl", {"validation": {"a": math.nan}, "curve": [[1, math.inf]]})
    assert json.loads((tmp_path / "r.jsonl").read_text()) == {"validation": {"a": None}, "curve": [[1, None]]}
