"""The same recipe and seed, twice from the command line: the same bytes."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).parent / "polyhead"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_in_two_runs_and_another_seed_others(folder):
    def digest(name, seed):
        options = ["--set", f"train.seed={seed}", "--set", "train.thaw_every_steps=1", "--set", "train.layer_decay=0.9"]
        command = [COMMAND, "train", "recipe.yaml", "--output", name, *options]
        # Hash seeds of their own, as two shells have: no order may depend on them.
        environment = {**os.environ, "PYTHONHASHSEED": str(len(name))}
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
        return hashlib.sha256((folder / name / "model.safetensors").read_bytes()).hexdigest()

    assert digest("first", 5) == digest("second", 5) != digest("other", 6)
