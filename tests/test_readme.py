"""Every code block of the README runs as it stands."""

import json
import re
import shlex
from pathlib import Path

import pytest

from polyhead.cli import main
from polyhead.training.recipe.recipe import load_recipe
from polyhead.training.training import train_recipe

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
FEW_STEPS = ["train.max_steps=2", "train.per_device_train_batch_size=2", "data.quickstart.max_rows=8"]


def blocks(language):
    return [text for name, text in BLOCKS if name == language]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, minilm_folder):
    """A folder like a fresh clone after `make quickstart`, trained for two steps only."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "recipes").symlink_to(ROOT / "recipes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train_recipe("recipes/quickstart.yaml", "runs/quickstart", FEW_STEPS)
    return folder


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.splitlines()[0])
def test_python_block_runs(code, workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    exec(compile(code, "README.md", "exec"), {})


@pytest.mark.parametrize("text", blocks("bash"))
def test_command_line_block_runs(text, workspace, monkeypatch, capsys):
    monkeypatch.chdir(workspace)
    for line in text.splitlines():
        words = shlex.split(line)
        assert words[0] == "polyhead"
        shortened = [word for option in FEW_STEPS for word in ("--set", option)] if words[1] == "train" else []
        monkeypatch.setattr("sys.argv", words + shortened)
        with pytest.raises(SystemExit) as stopped:
            main()
        assert not stopped.value.code, capsys.readouterr().err


@pytest.mark.parametrize("text", blocks("sh"))
def test_make_block_names_targets_that_exist(text):
    targets = re.findall(r"^(\S+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for line in text.splitlines():
        assert line.removeprefix("make ") in targets


@pytest.mark.parametrize("text", blocks("yaml"))
def test_recipe_block_is_valid(text, tmp_path):
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    row = {"text": "a b", "section": "x", "tokens": ["a", "b"], "tags": ["O", "O"]}
    for name in ("news", "news-val", "tweets"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert [task.name for task in load_recipe(tmp_path / "recipe.yaml").tasks] == ["topic", "entities"]


def test_no_placeholder_is_left():
    assert not re.findall(
        r"\b[A-Z]+_[A-Z]+\b", (ROOT / "README.md").read_text(encoding="utf-8").replace("POLYHEAD_DATA", "")
    )
