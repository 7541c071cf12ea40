"""What docs/publishing.md says of exporting runs, block after block."""

import re
import shlex
from pathlib import Path

import pytest

SECTIONS = ("## ONNX Runtime", "## Servers")
TEXT = (Path(__file__).parents[2] / "docs" / "publishing.md").read_text(encoding="utf-8")
PARTS = [part for part in re.split(r"^(?=## )", TEXT, flags=re.MULTILINE) if part.startswith(SECTIONS)]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.splitlines()[0].lstrip("# "))
def test_the_blocks_of_a_section_run(polyhead, make_model, all_tasks, tmp_path, monkeypatch, part):
    make_model(all_tasks()).save_pretrained(tmp_path / "runs" / "pets")
    monkeypatch.chdir(tmp_path)
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", part, re.MULTILINE | re.DOTALL):
        if language == "python":
            exec(compile(block, "docs/publishing.md", "exec"), {})
        for line in block.splitlines() if language == "bash" else []:
            result = polyhead(*shlex.split(line)[1:])
            assert result.exit_code == 0, (line, result.output)


def test_both_sections_are_there():
    assert len(PARTS) == 2
