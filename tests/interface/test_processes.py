"""`polyhead train` under `torchrun` and `accelerate launch`: two processes (gloo, on the CPU), one model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

COMMAND = Path(sys.executable).parent / "polyhead"
TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
# For the CPU too: with --cpu, accelerate starts one process.
ACCELERATE = ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0"]
# Gradient descent: Adam would blow up rounding where a gradient is 0 but for that.
OPTIONS = [
    "optim=sgd",
    "learning_rate=0.05",
    "warmup_steps=0",
    "per_device_train_batch_size=2",
    "thaw_every_steps=3",
    "keep_checkpoints=true",
]
OPTIONS = [f"train.{option}" for option in OPTIONS]
OPTIONS += ["tasks.topic.head_dropout=0", "tasks.mood.head_dropout=0"]  # each process would drop out other numbers
OPTIONS += [f"model.from_scratch.{name}=0" for name in ("hidden_dropout_prob", "attention_probs_dropout_prob")]
SET = [word for option in OPTIONS for word in ("--set", option)]


def launch(launcher, folder, *options):
    # As on a user's machine: nothing says that the CPU is to be used.
    command = [sys.executable, "-m", *launcher, COMMAND, "train", "recipe.yaml", "--output", "two", *SET, *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("launcher", [TORCHRUN, pytest.param(ACCELERATE, marks=pytest.mark.slow)], ids=lambda it: it[0])
def test_two_processes_end_with_the_weights_of_one_with_the_same_global_batch(launcher, folder, polyhead):
    done = launch(launcher, folder)
    assert done.returncode == 0, done.stderr[-5000:]
    done_alone = polyhead(
        "train", "recipe.yaml", "--output", "one", *SET, "--set", "train.gradient_accumulation_steps=2"
    )
    assert done_alone.exit_code == 0, done_alone.output

    one, two = (load_file(folder / name / "model.safetensors") for name in ("one", "two"))
    assert max((one[name] - two[name]).abs().max().item() for name in one) < 1e-6
    # 16 rows in batches of 2 on 2 processes: 4 steps an epoch, and what thaws after 6 of 8 has moved.
    assert {path.name for path in (folder / "two").glob("checkpoint-*")} == {"checkpoint-4", "checkpoint-8"}
    early = load_file(folder / "two" / "checkpoint-4" / "model.safetensors")
    moved = {name for name in two if not early[name].equal(two[name])}
    assert {"embeddings.word_embeddings.weight", "encoder.layer.0.output.dense.weight"} <= moved
    # The first process alone has printed.
    assert done.stdout.count("model: two") == done.stdout.count("validation scores") == 1
    assert done.stderr.count("polyhead check") <= 1
    assert "Traceback" not in done.stderr
    assert "destroy_process_group" not in done.stderr


def test_one_process_of_accelerate_on_the_cpu_is_told_of(monkeypatch, caplog, folder):
    from polyhead.training.arguments import PolyheadTrainingArguments

    for name, value in {"ACCELERATE_USE_CPU": "True", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    PolyheadTrainingArguments("out", use_cpu=True)
    assert "has started one process only" in caplog.text
