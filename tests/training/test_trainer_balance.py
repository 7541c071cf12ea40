"""Balanced runs: however the rows fall into batches, wherever they stop, on one process and on two."""

import functools
import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from polyhead.modeling.manifest_polyhead import find_damage
from polyhead.training.arguments import PolyheadTrainingArguments
from polyhead.training.optimization.balancing import BALANCES
from polyhead.training.trainer import PolyheadTrainer

from .conftest import COUNT, LOUD, PET, SAME, SLOTS, as_dataset, moved, row, weights
from .run_on_two_processes import train as train_described
from .test_trainer_losses import GRADE, PLAIN, POSTS, SETS, TAGS, largest_difference
from .test_trainer_processes import SCRIPT, left_by

METHODS = [name for name in BALANCES if name != "fixed"]
# Accumulated in twos: 5 steps an epoch; the backbone but for its top layer thaws after 7.
CUTS = {"inside an epoch": 2, "at its edge": 5, "just before a thaw": 6, "just after a thaw": 8, "in the last step": 9}
RESUMED = {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 2, "num_train_epochs": 2, "seed": 11}
RESUMED |= {"learning_rates": {"backbone": 1e-3, "heads": 1e-2}, "layer_decay": 0.8, "sampling_temperature": 2.0}
RESUMED |= {"freeze": [{"part": "bottom.1", "until_step": 7}], "eval_strategy": "no", "load_best_model_at_end": False}
RESUMED |= {"disable_tqdm": True, "use_cpu": True, "logging_steps": 1, "save_steps": 1, "save_total_limit": None}
UNEVEN = {"posts": [*POSTS, *POSTS[:2]], "words": SETS["words"][:6], "pairs": SETS["pairs"]}  # 4, 2 and 3 batches


@pytest.fixture(scope="module")
def run(new_model, tmp_path_factory):
    """Train with dropout in a folder of its own; return folder, weights, logs and what the method learned."""

    def _run(balance, seed=0, resume=None):
        model = new_model(PET, LOUD, COUNT, SLOTS, SAME, seed=seed, dropout=0.3)
        folder = tmp_path_factory.mktemp("run")
        fields = {**RESUMED, "balance": balance, "save_strategy": "no" if resume else "steps"}
        trainer = PolyheadTrainer(
            model, PolyheadTrainingArguments(str(folder), **fields), train_dataset=as_dataset(model, UNEVEN)
        )
        torch.manual_seed(seed)
        trainer.train(resume_from_checkpoint=resume and str(resume))
        learned = {name: value.detach().clone() for name, value in trainer.balance.state().items()}
        logs = {log["step"]: log for log in trainer.state.log_history if "loss" in log}
        return folder, weights(model), logs, learned

    return _run


@pytest.fixture(scope="module")
def whole_run(run):
    """Return the run of a method that nothing cut, trained once."""
    return functools.cache(run)


@pytest.fixture(
    params=[
        pytest.param("fixed", marks=pytest.mark.slow),  # nothing of its own to resume
        pytest.param("class_count", marks=pytest.mark.slow),
        *("uncertainty", "famo", "pcgrad"),
    ]
)
def whole(request, whole_run):
    return request.param, *whole_run(request.param)


@pytest.mark.parametrize("cut", CUTS)
def test_a_balanced_run_resumes_bit_equal(whole, run, cut):
    balance, folder, expected, logs, learned = whole
    _, resumed, resumed_logs, learned_again = run(balance, seed=77, resume=folder / f"checkpoint-{CUTS[cut]}")

    assert moved(expected, resumed) == set()
    assert learned_again == learned
    known = [name for name in logs[10] if name.startswith(("balance/", "loss", "lr/"))]
    assert {name: resumed_logs[10][name] for name in known} == {name: logs[10][name] for name in known}


def test_the_checkpoints_manifest_covers_what_a_method_learned(whole):
    balance, folder, *_ = whole
    state = folder / "checkpoint-1" / "balance.safetensors"

    assert state.exists() is (balance in ("uncertainty", "famo"))
    if state.exists():
        content = bytearray(state.read_bytes())
        content[-1] ^= 1
        state.write_bytes(content)
        assert find_damage(folder / "checkpoint-1") == ["balance.safetensors is damaged: its checksum is wrong"]


def test_the_models_file_has_nothing_of_what_a_method_learned(whole):
    _, folder, expected, *_ = whole
    names = set(load_file(folder / "checkpoint-10" / "model.safetensors"))

    assert names == {name.removeprefix("backbone.") for name in expected}


def test_methods_lead_to_different_weights_and_log_them(whole_run):
    ends = {name: whole_run(name) for name in BALANCES}
    vectors = {name: torch.cat([weight.flatten() for weight in end[1].values()]) for name, end in ends.items()}

    for name in METHODS:
        assert (vectors[name] - vectors["fixed"]).abs().max() > 1e-4
        assert {"balance/pet", "balance/same"} <= {key for log in ends[name][2].values() for key in log}
    assert not [key for log in ends["fixed"][2].values() for key in log if key.startswith("balance/")]
    assert {log["lr/balance"] for log in ends["uncertainty"][2].values()} >= {0.01}


@pytest.mark.parametrize("balance", METHODS)
def test_accumulated_batches_are_balanced_as_one_batch(new_model, trainer_for, balance):
    ends = []
    for batch_size, steps in ((8, 1), (4, 2), (2, 4)):
        model = new_model(PET, LOUD, COUNT, TAGS, GRADE)
        options = {**PLAIN, "learning_rate": 0.05, "max_steps": 3, "balance": balance}
        batches = {"per_device_train_batch_size": batch_size, "gradient_accumulation_steps": steps}
        trainer_for(model, {"posts": POSTS}, **options, **batches).train()
        ends.append(weights(model))

    assert largest_difference(ends[0], ends[1]) < 1e-6
    assert largest_difference(ends[0], ends[2]) < 1e-6


def test_seed_and_step_draw_the_order_in_which_gradients_meet(new_model, trainer_for):
    still = {**PLAIN, "learning_rate": 0.0, "max_steps": 6, "logging_steps": 1, "per_device_train_batch_size": 8}
    found = []
    for seed in (1, 1, 2):
        trainer = trainer_for(new_model(PET, LOUD, COUNT, TAGS, GRADE), POSTS, balance="pcgrad", seed=seed, **still)
        trainer.train()
        logs = [log for log in trainer.state.log_history if "balance/pet" in log]
        found.append([[round(log[f"balance/{name}"], 4) for name in ("pet", "loud", "count")] for log in logs])

    # The same gradients at every step: whatever differs comes from the order.
    assert found[0] == found[1] != found[2]
    assert len({tuple(factors) for factors in found[0]}) > 1


class GiveUp(TrainerCallback):
    """Run out of memory once, between two batches of a step."""

    given_up = False

    def on_substep_end(self, args, state, control, **kwargs):
        if not self.given_up:
            self.given_up = True
            raise MemoryError("no room")


@pytest.mark.parametrize("name", ["famo", "pcgrad"])
def test_a_step_that_was_given_up_leaves_nothing_in_the_next(new_model, trainer_for, name):
    rows = [
        row(text, number, pet=number % 3, loud=number % 2) for number, text in enumerate(["a cat", "dog", "the", "!"])
    ]
    options = {**PLAIN, "learning_rate": 0.05, "balance": name, "per_device_train_batch_size": 2}
    options |= {"gradient_accumulation_steps": 2}
    undisturbed, model = new_model(PET, LOUD), new_model(PET, LOUD)
    trainer_for(undisturbed, rows, **options).train()
    trainer = trainer_for(model, rows, callbacks=[GiveUp()], **options)
    with pytest.raises(MemoryError):
        trainer.train()
    trainer.train()

    assert moved(weights(undisturbed), weights(model)) == set()


STEADY = {
    **PLAIN,
    "learning_rate": 0.01,
    "per_device_train_batch_size": 3,
    "seed": 5,
    "max_steps": 3,
    "logging_steps": 3,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, new_model):
    """Train with every method on two processes, once for all tests."""
    folder = tmp_path_factory.mktemp("balanced")
    new_model(PET, LOUD, COUNT, TAGS, GRADE, SLOTS, SAME).save_pretrained(folder / "BERT")
    (folder / "rows.json").write_text(json.dumps(SETS))
    runs = [{"name": name, "arguments": {**STEADY, "balance": name}} for name in METHODS]
    (folder / "runs.json").write_text(json.dumps(runs))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, SCRIPT, folder, "runs.json"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-9000:]
    return folder


@pytest.mark.parametrize("balance", METHODS)
def test_two_processes_are_balanced_as_one(folder, balance):
    train_described(folder, f"one-{balance}", {**STEADY, "balance": balance, "gradient_accumulation_steps": 2})
    one, logs, _ = left_by(folder, f"one-{balance}-0")
    first, first_logs, _ = left_by(folder, f"{balance}-0")
    second, _, _ = left_by(folder, f"{balance}-1")

    assert all(torch.equal(first[name], second[name]) for name in first)
    assert largest_difference(one, first) < 1e-6
    factors = {name: value for name, value in logs[0].items() if name.startswith("balance/")}
    assert factors
    assert {name: first_logs[0][name] for name in factors} == pytest.approx(factors, abs=1e-5)
