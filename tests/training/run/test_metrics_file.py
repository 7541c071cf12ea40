"""The log of a run as a file: whole lines, written by the first process alone."""

import math

from transformers import TrainerState

from polyhead.training.run.metrics_file import MetricsFileCallback, read_metrics


def log(callback, state, **entry):
    state.log_history.append(entry)
    callback.on_log(None, state, None)


def test_a_number_that_is_not_finite_is_null_and_the_line_stays_json(tmp_path):
    callback, state = MetricsFileCallback(tmp_path / "run" / "metrics.jsonl"), TrainerState()
    callback.on_train_begin(None, state, None)
    log(callback, state, loss=0.5, grad_norm=math.nan, epoch=0.5, step=1)
    log(callback, state, loss=math.inf, epoch=1.0, step=2)

    assert read_metrics(callback.path) == [
        {"step": 1, "epoch": 0.5, "loss": 0.5, "grad_norm": None},
        {"step": 2, "epoch": 1.0, "loss": None},
    ]


def test_the_other_processes_write_nothing(tmp_path):
    callback, state = MetricsFileCallback(tmp_path / "metrics.jsonl"), TrainerState(is_world_process_zero=False)
    callback.on_train_begin(None, state, None)
    log(callback, state, loss=0.5, step=1)

    assert not callback.path.exists()
