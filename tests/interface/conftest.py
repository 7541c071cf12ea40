"""The command line in this process, on a recipe that trains in a second."""

import json
import shlex
import shutil
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from polyhead.cli import app

RECIPE = (Path(__file__).parent / "tiny" / "recipe.yaml").read_text(encoding="utf-8")


def recipe(old, new):
    """The sound recipe with one thing changed."""
    assert old in RECIPE
    return {"recipe.yaml": RECIPE.replace(old, new)}


def rows(**changes):
    """Rows of which the second has other values."""
    sound = {"text": "a goal", "topic": "sport", "mood": 1}
    return {"train.jsonl": "".join(f"{json.dumps(row)}\n" for row in (sound, sound | changes, sound))}


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


@pytest.fixture
def assert_mistake(polyhead, folder, request):
    """Return a function that runs a command beside some files and asserts exit code 2 and all parts of the message.

    TRAINED and ALL_KINDS in the command stand for the folders of two models.
    """

    def _assert_mistake(files, command, *parts):
        for file, content in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
        models = {word: request.getfixturevalue(word.lower()) for word in ("TRAINED", "ALL_KINDS") if word in command}

        result = polyhead(*(models.get(word, word) for word in shlex.split(command)))

        assert result.exit_code == 2, result.output
        assert "Traceback" not in result.stderr
        assert not result.stdout
        for part in parts:
            assert str(models.get(part, part)) in " ".join(result.stderr.split()), (part, result.stderr)

    return _assert_mistake


@pytest.fixture
def free_port():
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
