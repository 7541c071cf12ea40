"""Each subject runs in a process of its own, and its failure is its own."""

import sys
from pathlib import Path

import pytest
from harness import processes
from harness.processes import run_subject, run_subjects

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
SCRIPT = """
import argparse, sys
from pathlib import Path
sys.path[:0] = [{folder!r}, {benchmarks!r}]
from harness.processes import measure_here
from harness.rounds import Budget
parser = argparse.ArgumentParser()
parser.add_argument("--subject")
parser.add_argument("--seconds", type=float)
parser.add_argument("--findings", type=Path)
parser.add_argument("--quick", action="store_true")
options = parser.parse_args()
measure_here(options.subject, Budget(options.seconds, options.quick), options.findings)
"""
SUBJECTS = {
    "good": 'yield Rate("told", budget.seconds, "quick" if budget.is_quick else "full")',
    "bad": 'yield Rate("before", 1.0, "texts/s"); raise ValueError("no such model")',
    "stuck": 'yield Rate("before", 1.0, "texts/s"); import time; time.sleep(60)',
}


@pytest.fixture
def command(tmp_path):
    """Return the command of a subject of `SUBJECTS`."""
    (tmp_path / "subjects").mkdir()
    (tmp_path / "subjects" / "__init__.py").touch()
    for name, body in SUBJECTS.items():
        code = f"from harness.findings import Rate\n\ndef measure(budget):\n    {body}\n"
        (tmp_path / "subjects" / f"{name}.py").write_text(code)
    script = tmp_path / "run.py"
    script.write_text(SCRIPT.format(folder=str(tmp_path), benchmarks=str(BENCHMARKS)))
    return lambda name: [sys.executable, str(script), "--subject", name]


def test_a_subject_that_fails_is_recorded_and_does_not_stop_the_others(command):
    found = run_subjects({"bad": 1.0, "good": 1.0}, 2.0, False, command)

    assert found["bad"]["error"] == "ValueError: no such model"
    assert found["bad"]["rates"] == [{"contender": "before", "value": 1.0, "unit": "texts/s"}]
    assert found["good"]["error"] is None
    assert len(found["good"]["rates"]) == 1


def test_subjects_share_the_seconds_that_are_left(command):
    found = run_subjects({"good": 1.0}, 20.0, True, command)

    assert found["good"]["rates"][0]["value"] == pytest.approx(20.0, abs=0.1)
    assert found["good"]["rates"][0]["unit"] == "quick"


def test_a_subject_that_hangs_is_stopped_and_keeps_what_it_found(command, monkeypatch):
    monkeypatch.setattr(processes, "SLACK_SECONDS", 2.0)

    found = run_subject(command("stuck"), 0.1, False)

    assert found["error"].startswith("stopped after 2 s")
    assert len(found["rates"]) == 1
