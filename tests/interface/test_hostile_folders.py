"""The command line tells of a hostile folder in one message: exit code 2, no traceback."""

import shutil

import pytest

from ..modeling.test_hostile_folders import HOSTILE


@pytest.mark.parametrize("kind", HOSTILE)
def test_commands_refuse_a_hostile_folder(kind, polyhead, all_kinds, tmp_path):
    shutil.copytree(all_kinds, tmp_path / "model")
    change, _ = HOSTILE[kind]
    change(tmp_path / "model")
    for command in (["predict", "--json"], ["encode", "--json"]):
        result = polyhead(command[0], tmp_path / "model", "a cat", *command[1:])
        assert (result.exit_code, result.stdout) == (2, ""), (command, result.output, result.exception)
        assert result.stderr.startswith("error: ")
        assert "Traceback" not in result.stderr
    assert polyhead("verify", tmp_path / "model").exit_code == 2
