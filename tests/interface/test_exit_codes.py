"""How a process ends; what in-process tests cannot see runs in one of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from polyhead import commands_env

COMMAND = [sys.executable, "-c", "from polyhead.cli import main; main()"]


@pytest.fixture
def broken_env(monkeypatch):
    """A command that fails as only a bug can make it fail."""

    def _broken():
        raise RuntimeError("the wheels came off\nand more")

    monkeypatch.setattr(commands_env, "environment", _broken)


def test_any_other_failure_is_one_line_and_exit_code_1(polyhead, broken_env, monkeypatch):
    monkeypatch.delenv("POLYHEAD_DEBUG", raising=False)
    result = polyhead("env")
    assert result.exit_code == 1
    assert result.stderr == "error: RuntimeError: the wheels came off (set POLYHEAD_DEBUG=1 for the traceback)\n"


def test_debug_shows_the_traceback_of_failures_and_of_mistakes(polyhead, broken_env, folder, monkeypatch):
    monkeypatch.setenv("POLYHEAD_DEBUG", "1")
    failure, mistake = polyhead("env"), polyhead("train", "no.yaml", "--output", "out")
    assert (failure.exit_code, mistake.exit_code) == (1, 2)
    assert "Traceback" in failure.stderr
    assert "Traceback" in mistake.stderr
    assert mistake.stderr.rstrip().endswith("check the path")


def test_value_error_from_inside_a_library_is_no_mistake_of_the_user(polyhead, monkeypatch):
    def _broken():
        Path("a").with_name("")  # raises ValueError inside pathlib

    monkeypatch.setattr(commands_env, "environment", _broken)
    assert polyhead("env").exit_code == 1


def test_missing_extra_is_named_with_the_command_that_installs_it(folder):
    code = (
        "import sys; sys.modules['yaml'] = None; from polyhead.cli import main; main()"  # as if it were not installed
    )
    command = [sys.executable, "-c", code, "train", "recipe.yaml", "--output", "out"]
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "POLYHEAD_DEBUG": "0"})
    assert result.returncode == 2
    assert (
        result.stderr == "error: package 'yaml' is missing, which this command needs: pip install 'polyhead[train]'\n"
    )


def test_interrupted_training_says_how_to_go_on_and_does(folder):
    command = [*COMMAND, "train", "recipe.yaml", "--output", "out", "--set"]
    environment = {**os.environ, "POLYHEAD_DEBUG": "0"}
    with subprocess.Popen(
        [*command, "train.num_train_epochs=2000"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment
    ) as process:
        deadline = time.monotonic() + 60
        while not Path("out/checkpoint-8").is_dir() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        message = process.communicate(timeout=60)[1].decode()

    assert process.returncode == 130, message
    assert "Traceback" not in message
    assert "error: interrupted. Go on with: polyhead train recipe.yaml --output out --set" in message
    assert message.rstrip().endswith("--set train.num_train_epochs=2000 --resume")


def test_interrupted_before_anything_was_saved_says_to_start_again(polyhead, folder, monkeypatch):
    def _interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("polyhead.training.training.train_recipe", _interrupt)
    result = polyhead("train", "recipe.yaml", "--output", "out")
    assert result.exit_code == 130
    assert result.stderr == "error: interrupted. Nothing was saved yet: start again with the same command.\n"


def test_process_reads_a_pipe_and_ends_with_the_exit_code_of_a_mistake(trained):
    result = subprocess.run([*COMMAND, "predict", trained], input=b"ok\n\nfine\n", capture_output=True, check=False)
    assert result.returncode == 2
    assert b"stdin:2: is empty or blank" in result.stderr
    assert not result.stdout


def test_nobody_reading_the_answers_is_no_error_to_tell(trained):
    with subprocess.Popen(
        [*COMMAND, "encode", trained, "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        message = process.stderr.read().decode()
    assert "Traceback" not in message
    assert "BrokenPipe" not in message


def test_a_run_that_a_guard_ends_keeps_its_model_and_exits_with_1(polyhead, folder):
    options = ["--set", "train.guard={max_drift: 0.0, action: stop}", "--set", "train.warmup_steps=0"]
    options += ["--set", "train.keep_checkpoints=true"]
    for resume in ([], ["--resume"]):
        result = polyhead("train", "recipe.yaml", "--output", "out", *options, *resume)

        assert result.exit_code == 1
        assert "train.guard ended the run: the embedding drifted by" in result.stderr
        assert "raise it or set train.guard.action=warn, and go on with --resume." in result.stderr
        assert "model: out" in result.stdout
        assert Path("out/model.safetensors").is_file()
        assert [path.name for path in Path("out").glob("checkpoint-*")] == ["checkpoint-2"]
