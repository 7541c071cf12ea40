"""`polyhead study` as a user meets it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from polyhead.training.study.results_file import read_results

STUDY = "recipe: recipe.yaml\nvary: {train.learning_rate: [0.001, 0.01]}\nset: {train.num_train_epochs: 1}\nseeds: 1\n"
FILES = {"study.yaml": STUDY}
# fmt: off
MISTAKES = {
    "no study": ({}, "study", "no STUDY came", "name a study file"),
    "a study and --quick": (FILES, "study study.yaml --quick", "--quick and STUDY 'study.yaml' came", "give one"),
    "--quick outside a clone": ({}, "study --quick", "recipes/studies/quick.yaml", "run it in the clone's folder"),
    "a budget that is no duration": (FILES, "study study.yaml --budget 30", "'30' came for --budget", "30m, 2h"),
    "a recipe instead": ({}, "study recipe.yaml", "recipe.yaml: 1 problem", "write a study file beside it"),
    "no such file": ({}, "study no.yaml", "no such file", "check the path"),
    "a misspelt key": (
        {"study.yaml": STUDY.replace("learning_rate", "learning_rat")}, "study study.yaml", "study.yaml: 1 problem",
        "train.learning_rat: unknown key", "closest is 'learning_rate'"),
    "no such recipe": (
        {"study.yaml": STUDY.replace("recipe.yaml", "recipes.yaml")}, "study study.yaml", "study.yaml: 1 problem",
        "recipe: no such file 'recipes.yaml'", "closest is 'recipe.yaml'"),
    "more rows than there are": (
        {"study.yaml": STUDY + "sizes: [10, 500]\n"}, "study study.yaml", "study.yaml: 1 problem",
        "sizes: 500 came", "more than 16 training rows"),
    "a report of nothing": (FILES, "study study.yaml --report", "no results", "run the study first"),
    "no jobs": (FILES, "study study.yaml --jobs 0", "Invalid value", "--jobs", "for help"),
}
# fmt: on


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_ends_with_exit_code_2_before_anything_runs(name, assert_mistake, folder):
    assert_mistake(*MISTAKES[name])
    assert not (folder / "runs").exists()


def test_a_study_tells_its_progress_its_verdict_and_where_everything_is(polyhead, folder):
    (folder / "study.yaml").write_text(STUDY)
    result = polyhead("study", "study.yaml", "--output", "out", "--budget", "10m")

    assert result.exit_code == 0, result.output
    told = result.stderr.splitlines()
    assert told[0] == "[0/2] recipe, all rows, learning_rate 0.001, seed 42"
    assert told[1].startswith("[1/2] recipe, all rows, learning_rate 0.001, seed 42: score ")
    assert told[1].endswith(" left")
    assert told[-1].startswith("[2/2] recipe, all rows, learning_rate 0.01, seed 42: score ")
    assert "recipe, all rows: Best on average is " in result.stdout
    assert "best recipe: out/study-best.yaml\nreport: out/study.md\n" in result.stdout
    assert polyhead("check", "out/study-best.yaml").exit_code == 0

    before = (folder / "out" / "study.md").read_bytes()
    (folder / "train.jsonl").unlink()  # a report needs no data
    again = polyhead("study", "study.yaml", "--output", "out", "--report")
    assert again.exit_code == 0, again.output
    assert (folder / "out" / "study.md").read_bytes() == before


def test_a_study_with_a_failed_run_ends_with_exit_code_1_and_says_how_to_go_on(polyhead, folder):
    study = "recipe: recipe.yaml\nvary: [{name: all}, {name: too deep, train.freeze: [{part: bottom.9}]}]\nseeds: 1\n"
    (folder / "study.yaml").write_text(study)
    result = polyhead("study", "study.yaml", "--output", "out")

    assert result.exit_code == 1, result.output
    assert (
        "too deep, seed 42: failed, ValueError: freeze 'bottom.9' matches no parameter: this model has bottom.0 to bottom.1"
        in result.stderr
    )
    assert "1 run failed; the report says why, --retry-failed runs what failed again" in result.stdout
    cut = polyhead("study", "study.yaml", "--output", "other", "--budget", "1s")
    assert cut.exit_code == 0, cut.output
    assert "1 run left out; the same command goes on with what is missing" in cut.stdout


@pytest.mark.slow
def test_ctrl_c_ends_all_processes_reports_and_says_how_to_go_on(folder):
    (folder / "study.yaml").write_text(STUDY.replace("epochs: 1", "epochs: 10000"))
    arguments = ["study", "study.yaml", "--output", "out", "--jobs", "2"]
    command = [sys.executable, "-c", "from polyhead.cli import main; main()", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "POLYHEAD_DEBUG": "0"}) as process:
        deadline = time.monotonic() + 240
        while len(list(Path("out").glob(".study.running/*/model/run"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        message = process.communicate(timeout=120)[1].decode()

    assert process.returncode == 130, message
    assert "Traceback" not in message
    assert "leaked" not in message
    assert "Go on with: polyhead study study.yaml --output out --jobs 2" in message
    assert not Path("out/.study.running").exists()
    assert read_results(Path("out/study.jsonl")) == []
    assert "**Left out: 2 of 2 runs**" in Path("out/study.md").read_text()
    open_there = [link for link in Path("/proc").glob("[0-9]*/fd/1") if _leads_into(link, folder)]
    assert not open_there


def _leads_into(link, folder):
    try:
        return str(folder) in str(link.readlink())
    except OSError:
        return False
