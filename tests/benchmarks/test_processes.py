"""Each subject runs in a process of its own, and its failure is its own."""

import pytest
from harness import processes
from harness.processes import run_subject, run_subjects
from harness.rounds import Budget

SUBJECTS = {
    "good": 'yield Rate("told", budget.seconds, "quick" if budget.is_quick else "full")',
    "bad": 'yield Rate("before", 1.0, "texts/s"); raise ValueError("no such model")',
    "stuck": 'yield Rate("before", 1.0, "texts/s"); import time; time.sleep(60)',
}


@pytest.fixture(autouse=True)
def subjects(tmp_path, monkeypatch):
    """Let those of `SUBJECTS` be the only ones."""
    (tmp_path / "subjects").mkdir()
    (tmp_path / "subjects" / "__init__.py").touch()
    for name, body in SUBJECTS.items():
        code = f"from harness.findings import Rate\n\ndef measure(budget):\n    {body}\n"
        (tmp_path / "subjects" / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)


def test_a_subject_that_fails_is_recorded_and_does_not_stop_the_others():
    found = run_subjects({"bad": 1.0, "good": 1.0}, 2.0, False)

    assert found["bad"]["error"] == "ValueError: no such model"
    assert found["bad"]["rates"] == [{"contender": "before", "value": 1.0, "unit": "texts/s"}]
    assert found["good"]["error"] is None
    assert len(found["good"]["rates"]) == 1


def test_subjects_share_the_seconds_that_are_left():
    found = run_subjects({"good": 1.0}, 20.0, True)

    assert found["good"]["rates"][0]["value"] == pytest.approx(20.0, abs=0.1)
    assert found["good"]["rates"][0]["unit"] == "quick"


def test_a_subject_that_hangs_is_stopped_and_keeps_what_it_found(monkeypatch):
    run_subject("good", Budget(0.1))  # what is imported once has been
    monkeypatch.setattr(processes, "SLACK_SECONDS", 2.0)

    found = run_subject("stuck", Budget(0.1))

    assert found["error"].startswith("stopped after")
    assert found["seconds"] < 50
    assert len(found["rates"]) == 1
