"""The recipes that the repository ships: they parse, and without their data they say what to do."""

from pathlib import Path

import pytest

from polyhead.training.data.data_error import DataError
from polyhead.training.data.rows import load_data
from polyhead.training.recipe.recipe import load_recipe
from polyhead.training.study.cells import plan_cells
from polyhead.training.study.study_file import load_study

FOLDER = Path(__file__).parent.parent / "recipes"
RECIPES = sorted(FOLDER.glob("*.yaml"))
STUDIES = sorted((FOLDER / "studies").glob("*.yaml"))
WITH_OTHER_DATA = [path for path in RECIPES if "${POLYHEAD_DATA" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_parses_and_says_its_purpose_and_command(path, monkeypatch):
    monkeypatch.delenv("POLYHEAD_DATA", raising=False)
    recipe = load_recipe(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# Purpose: ")
    assert f"polyhead train recipes/{path.name} --output runs/{path.stem}" in "\n".join(lines[:4])
    assert recipe.tasks


@pytest.mark.parametrize("path", WITH_OTHER_DATA, ids=lambda path: path.stem)
def test_recipe_without_its_data_names_each_file_and_the_variable_to_set(path, monkeypatch, tmp_path):
    monkeypatch.setenv("POLYHEAD_DATA", str(tmp_path / "elsewhere"))
    recipe = load_recipe(path)
    with pytest.raises(DataError) as error:
        load_data(recipe.tasks, recipe.data)
    assert len(error.value.problems) == sum(
        "${POLYHEAD_DATA" in (getattr(s, split) or "") for s in recipe.data for split in ("train", "validation", "test")
    )
    for problem in error.value.problems:
        assert "does not exist" in problem
        assert "export POLYHEAD_DATA=" in problem


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_study_is_sound_and_says_its_question_and_command(path, monkeypatch):
    monkeypatch.delenv("POLYHEAD_DATA", raising=False)
    study = load_study(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# Question: ")
    assert lines[1].startswith("# Command: ")
    num_cells = len(study.recipes) * len(study.sizes) * len(study.variants) * len(study.seeds)
    assert len(plan_cells(study, will_run=False)) == num_cells


def test_quickstart_brings_its_data():
    recipe = load_recipe(FOLDER / "quickstart.yaml")
    data = load_data(recipe.tasks, recipe.data)
    assert {split: sum(map(len, rows.values())) for split, rows in data.rows.items()} == {
        "train": 638,
        "validation": 119,
        "test": 194,
    }
