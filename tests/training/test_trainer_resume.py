"""A run that stops at a checkpoint and goes on ends with the weights of a run that never stopped."""

import hashlib
import logging

import pytest
import torch

from polyhead.training.arguments import PolyheadTrainingArguments
from polyhead.training.trainer import PolyheadTrainer

from .conftest import COUNT, LOUD, PET, SAME, SLOTS, as_dataset, moved, weights
from .test_trainer_losses import SETS

TASKS = (PET, LOUD, COUNT, SLOTS, SAME)
# 3 data sets of 8 rows in batches of 3, two batches a step: 9 batches an epoch, 5 steps, the last of one batch.
OPTIONS = {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 2, "num_train_epochs": 2, "seed": 11}
OPTIONS |= {"learning_rates": {"backbone": 1e-3, "heads": 1e-2}, "train_sampling_strategy": "group_by_length"}
OPTIONS |= {"save_strategy": "steps", "save_steps": 1, "save_total_limit": None, "eval_strategy": "no"}
OPTIONS |= {"disable_tqdm": True, "use_cpu": True, "load_best_model_at_end": False, "logging_steps": 1}


@pytest.fixture(scope="module")
def train(new_model, tmp_path_factory):
    """Train a model with dropout in a folder of its own; return folder, weights and logs."""

    def _train(seed=0, resume=None, **options):
        model = new_model(*TASKS, seed=seed, dropout=0.3)
        folder = tmp_path_factory.mktemp("run")
        arguments = PolyheadTrainingArguments(str(folder), **{**OPTIONS, **options})
        trainer = PolyheadTrainer(model, arguments, train_dataset=as_dataset(model, SETS))
        torch.manual_seed(seed)
        trainer.train(resume_from_checkpoint=resume and str(resume))
        return folder, weights(model), trainer.state.log_history

    return _train


@pytest.fixture(scope="module")
def whole(train):
    return train()


@pytest.mark.parametrize("step", [2, 5, 7, 10], ids=["in epoch 1", "between epochs", "in epoch 2", "at the end"])
def test_a_resumed_run_ends_bit_equal_whatever_the_weights_it_found(train, whole, step):
    folder, expected, logs = whole
    _, resumed, resumed_logs = train(seed=77, resume=folder / f"checkpoint-{step}")

    assert moved(expected, resumed) == set()
    steps = {log["step"]: log["loss"] for log in logs if "loss" in log}
    assert {log["step"]: log["loss"] for log in resumed_logs if "loss" in log} == steps


def test_a_resumed_run_would_not_end_so_by_itself(train, whole):
    _, expected, _ = whole
    _, fresh, _ = train(seed=77)

    # The pooler of BERT takes no part: nothing but loading a checkpoint changes it.
    assert moved(expected, fresh) >= {name for name in expected if name.endswith("weight") and "orm" not in name}


def test_the_same_seed_gives_the_same_bytes(train, whole):
    digests = [
        hashlib.sha256((folder / "checkpoint-10" / "model.safetensors").read_bytes()).hexdigest()
        for folder in (whole[0], train()[0], train(seed=0, data_seed=12)[0])
    ]

    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


@pytest.mark.parametrize(("changed", "told"), [({}, False), ({"logging_steps": 1}, True)], ids=["same", "changed"])
def test_a_resume_is_told_of_an_interval_that_was_changed_and_not_of_a_share_of_all_steps(train, changed, told, caplog):
    asked = {"max_steps": 3, "logging_steps": 0.5, "eval_steps": 0.5}
    folder, *_ = train(**asked)
    logging.Logger.warning_once.cache_clear()
    train(resume=folder / "checkpoint-2", **{**asked, **changed})

    assert ("logging_steps: 1 (from args) != 2 (from trainer_state.json)" in caplog.text) is told
    assert ("do not match" in caplog.text) is told
