"""The walk of docs/publishing.md from a folder to a pinned load runs, in order, against the loopback Hub."""

import re
import shlex
import shutil
from pathlib import Path

import huggingface_hub.constants
import pytest
import yaml

from polyhead.training.arguments import PolyheadTrainingArguments

SECTIONS = ("## Verify", "## Push", "## Load")
TEXT = (Path(__file__).parents[2] / "docs" / "publishing.md").read_text(encoding="utf-8")
WALK = "".join(part for part in re.split(r"^(?=## )", TEXT, flags=re.MULTILINE) if part.startswith(SECTIONS))
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", WALK, re.MULTILINE | re.DOTALL)


def test_the_walk_runs_from_a_folder_to_a_pinned_load(polyhead, client, saved, hub, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    shutil.move(saved, tmp_path / "runs" / "pets")
    monkeypatch.chdir(tmp_path)
    url = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)
    names: dict = {}
    for language, block in BLOCKS:
        if language == "bash":
            for line in block.splitlines():
                result = polyhead(*shlex.split(line)[1:])
                assert result.exit_code == 0, (line, result.output)
        elif language == "python":
            exec(compile(block, "docs/publishing.md", "exec"), names)
    assert names["answers"]["topic"][0]["label"] in ("Science", "Sports")
    repository = hub.repositories["me/pets"]
    assert repository.pushed == [names["commit"].oid]  # what is there already is not committed again
    assert hub.count("resolve") > 0


def test_the_recipes_section_is_valid(tmp_path):
    section = yaml.safe_load(next(block for language, block in BLOCKS if language == "yaml"))["train"]
    made = PolyheadTrainingArguments(**section, output_dir=str(tmp_path), load_best_model_at_end=False, use_cpu=True)
    assert (made.hub_private_repo, made.hub_strategy) == (True, "end")


@pytest.mark.parametrize("kind", ["bash", "python", "yaml"])
def test_there_is_something_to_run(kind):
    assert any(language == kind for language, _ in BLOCKS)
