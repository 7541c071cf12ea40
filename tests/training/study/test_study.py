"""Studies that run: every cell trains in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from polyhead.training.study.cells import plan_cells
from polyhead.training.study.results_file import place_of, read_results
from polyhead.training.study.study import run_study

from .conftest import STUDY

ONE_SEED = STUDY.replace("seeds: 2", "seeds: 1")
FAILING = ONE_SEED.replace("[0.001,", "[1e30,")  # no weight survives such a rate


def nothing(progress):
    pass


@pytest.fixture
def run(study_of, folder):
    """Return a function that runs a study and returns the lines of its results."""

    def _run(text=STUDY, output="out", tell=nothing, **options):
        study_of(text)
        run_study(folder / "study.yaml", folder / output, tell, **options)
        return read_results(folder / output / "study.jsonl")

    return _run


def scores(lines):
    return {place_of(line): line["score"] for line in lines}


def test_two_at_a_time_have_the_cells_and_scores_of_one_after_another(run):
    one, two = run(output="one"), run(output="two", jobs=2)
    assert len(one) == 4
    assert scores(one) == scores(two)
    assert len(set(scores(one).values())) > 1
    assert {line["versions"]["threads"] for line in one + two} == {1}


def test_a_line_holds_what_was_measured_and_what_it_cost(run, folder):
    line, *_ = run(ONE_SEED)
    assert line["score"] == pytest.approx(sum(task["value"] for task in line["tasks"].values()) / 2)
    assert {name: task["metric"] for name, task in line["tasks"].items()} == {"topic": "accuracy", "mood": "pearson"}
    assert line["curve"] == [[2, line["score"]]]  # 16 rows in batches of 8, one epoch
    assert line["examples_per_second"] == pytest.approx(16 / line["seconds"], rel=0.05)
    assert 0 < line["processor_seconds"] < line["wall_seconds"]
    assert 0 < line["seconds"] < line["wall_seconds"]
    assert line["memory_bytes"] > 50e6
    assert line["versions"]["torch"]
    assert "test" not in line
    names = ["study-best.yaml", "study-curves.png", "study-pareto.png", "study.jsonl", "study.md"]
    assert sorted(path.name for path in (folder / "out").iterdir() if path.suffix != ".lock") == names


def test_a_cell_that_fails_is_recorded_and_the_rest_runs(run):
    told = []
    lines = run(FAILING, tell=told.append)
    failed = [line for line in lines if "error" in line]
    assert [line["variant"] for line in failed] == ["learning_rate 1.0e+30"]
    assert "is not finite" in failed[0]["error"]
    assert "ValueError: task" in failed[0]["log"]
    assert len(lines) == 2
    assert told[-1].num_done == told[-1].num_cells == 2

    assert run(FAILING) == lines  # what failed is not run again
    again = run(FAILING, retry_failed=True)
    assert [line["variant"] for line in again if "error" in line] == ["learning_rate 1.0e+30"]
    assert [line for line in again if "error" not in line] == [line for line in lines if "error" not in line]
    assert again != lines


def test_what_is_done_is_not_run_again_and_a_changed_variant_is(run):
    first = run(ONE_SEED)
    assert run(ONE_SEED) == first
    changed = run(ONE_SEED.replace("0.01]", "0.02]"))
    assert changed[0] == first[0]
    assert [line["variant"] for line in changed] == ["learning_rate 0.001", "learning_rate 0.02"]


def test_a_spent_budget_starts_nothing_more(run, study_of, folder):
    run(ONE_SEED)
    told = []
    lines = run(STUDY, tell=told.append, budget_seconds=0.1)
    assert len(lines) == 2  # the cells of the second seed take longer, as those of the first say
    assert not told


def test_no_more_time_is_told_to_be_left_than_the_budget_has(run, study_of, folder):
    file = folder / "out" / "study.jsonl"
    run(ONE_SEED)
    slow = [json.dumps(line | {"wall_seconds": 1000.0}) + "\n" for line in read_results(file)]
    file.write_text("".join(slow))
    told = []
    run(STUDY, tell=told.append, budget_seconds=1500)
    assert told[0].num_cells - told[0].num_done == 2  # of a thousand seconds each
    assert 1400 < told[0].seconds_left <= 1500


def test_the_same_study_does_not_run_twice_in_one_folder(run, folder):
    (folder / "out").mkdir()
    with FileLock(folder / "out" / ".study.lock"), pytest.raises(ValueError, match=r"'study' runs in '.*out' already"):
        run()


def test_a_recipe_without_a_test_split_is_refused_before_a_cell_is_trained(run):
    told = []
    with pytest.raises(ValueError, match="no data set has a test split, which --test measures on; add one, or leave"):
        run(with_test=True, tell=told.append)
    assert not told


def test_a_hidden_folder_of_the_studys_name_stays_as_it_is(run, folder):
    (folder / "out" / ".study").mkdir(parents=True)
    (folder / "out" / ".study" / "mine").touch()
    assert run(budget_seconds=0) == []
    assert (folder / "out" / ".study" / "mine").exists()


def test_ctrl_c_ends_the_processes_and_keeps_what_was_done(run, folder):
    def _interrupt(progress):
        if progress.line is None and progress.num_done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(ONE_SEED, tell=_interrupt)
    lines = read_results(folder / "out" / "study.jsonl")
    assert len(lines) == 1
    assert "**Left out: 1 of 2 runs**" in (folder / "out" / "study.md").read_text()
    assert not (folder / "out" / ".study.running").exists()
    finished = run(ONE_SEED)
    assert finished[:1] == lines
    assert len(finished) == 2


@pytest.mark.slow
def test_a_study_that_was_killed_leaves_no_process_and_goes_on_where_it_was(run, study_of, folder):
    study_of(STUDY.replace("num_train_epochs: 1", "num_train_epochs: 20"))
    code = "from polyhead.cli import main; main()"
    command = [sys.executable, "-c", code, "study", "study.yaml", "--output", "out"]
    results = folder / "out" / "study.jsonl"
    with subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        _wait_until(
            lambda: len(read_results(results)) >= 1 and any((folder / "out" / ".study.running").glob("*/model/run"))
        )
        process.send_signal(signal.SIGKILL)
    before = read_results(results)
    _wait_until(lambda: not _processes_in(folder))

    told = []
    lines = run(STUDY.replace("num_train_epochs: 1", "num_train_epochs: 20"), tell=told.append)

    assert 1 <= len(before) < 4
    assert lines[: len(before)] == before
    assert sum(progress.line is not None for progress in told) == 4 - len(before)
    assert len(scores(lines)) == len(lines) == len(plan_cells(study_of())) == 4


def _wait_until(is_so):
    deadline = time.monotonic() + 240
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _processes_in(folder):
    """Return the processes that have a file of the folder open: a cell writes its log there."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            found += [link.parts[2]] if str(folder) in str(link.readlink()) else []
        except OSError:
            continue
    return found
