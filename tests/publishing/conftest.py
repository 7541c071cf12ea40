"""A small saved model, and the command line in this process."""

import shutil

import pytest
from typer.testing import CliRunner

from polyhead.cli import app
from polyhead.configuration.tasks_polyhead import TaskConfig

TASKS = [
    TaskConfig(name="topic", kind="single_label_classification", labels=["Science", "Sports"], head="mlp"),
    TaskConfig(name="slots", kind="token_classification", labels=["O", "B-pet", "I-pet"]),
    TaskConfig(name="closeness", kind="pair_similarity", value_range=[0, 5]),
]


@pytest.fixture(scope="session")
def saved_once(make_model, tmp_path_factory):
    """A saved model with a head of each input; not to be changed."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    make_model(TASKS).save_pretrained(folder)
    return folder


@pytest.fixture
def saved(saved_once, tmp_path):
    """A folder of the same model that a test may change."""
    shutil.copytree(saved_once, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(scope="session")
def polyhead():
    """Return a function that runs the command line: its result has exit_code, stdout and stderr."""
    runner = CliRunner()

    def _polyhead(*arguments):
        return runner.invoke(app, [str(argument) for argument in arguments], prog_name="polyhead")

    return _polyhead
