"""The command line in this process, on a recipe that trains in a second."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from polyhead.cli import app


@pytest.fixture(scope="session")
def polyhead():
    """Return a function that runs the command line: its result has exit_code, stdout and stderr."""
    runner = CliRunner()

    def _polyhead(*arguments, stdin=None):
        return runner.invoke(app, [str(argument) for argument in arguments], input=stdin, prog_name="polyhead")

    return _polyhead


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with recipe.yaml and train.jsonl in it."""
    shutil.copytree(Path(__file__).parent / "tiny", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def trained(polyhead, tmp_path_factory):
    """A model that `polyhead train` has made from recipe.yaml; not to be changed."""
    output = tmp_path_factory.mktemp("trained") / "model"
    result = polyhead("train", Path(__file__).parent / "tiny" / "recipe.yaml", "--output", output)
    assert result.exit_code == 0, result.output
    return output


@pytest.fixture(scope="session")
def all_kinds(make_model, all_tasks, tmp_path_factory):
    """A checkpoint with all eight kinds of task, untrained; not to be changed."""
    output = tmp_path_factory.mktemp("all_kinds")
    make_model(all_tasks()).save_pretrained(output)
    return output
