"""A study of a recipe that trains in a second."""

import shutil
from pathlib import Path

import pytest

from polyhead.training.study.study_file import load_study

TINY = Path(__file__).parents[2] / "interface" / "tiny"
STUDY = """\
recipe: recipe.yaml
vary: {train.learning_rate: [0.001, 0.01]}
set: {train.num_train_epochs: 1}
seeds: 2
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with recipe.yaml and its data."""
    shutil.copytree(TINY, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def study_of(folder):
    """Return a function that writes a study file and reads it."""

    def _study_of(text=STUDY):
        (folder / "study.yaml").write_text(text)
        return load_study(folder / "study.yaml")

    return _study_of
