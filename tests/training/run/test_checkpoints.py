import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from transformers import TrainerCallback

from polyhead.modeling.manifest_polyhead import find_damage, read_manifest
from polyhead.training.run.checkpoints import newest_whole_checkpoint, refuse_other_run

from ..conftest import LOUD, PET, moved, row, weights

ROWS = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2, loud=0), row("cat !", pet=0)]
RUN = {
    "per_device_train_batch_size": 2,
    "max_steps": 4,
    "save_strategy": "steps",
    "save_steps": 2,
    "learning_rate": 1e-2,
}
FILES = [
    "model.safetensors",
    "config.json",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state.pth",
    "trainer_state.json",
    "manifest.json",
]


@pytest.fixture
def run_folder(new_model, trainer_for, tmp_path):
    trainer_for(new_model(PET, LOUD), ROWS, **RUN).train()
    return tmp_path / "run"


def missing(path):
    path.unlink()


def empty(path):
    path.write_bytes(b"")


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("harm", [missing, cut, flipped, empty], ids=lambda harm: harm.__name__)
def test_every_damage_to_every_file_is_named_and_the_checkpoint_not_used(harm, run_folder, caplog):
    newest = run_folder / "checkpoint-4"
    whole = {name: (newest / name).read_bytes() for name in FILES}
    for name in FILES:
        harm(newest / name)

        (problem,) = find_damage(newest)
        assert problem.startswith(name)
        assert newest_whole_checkpoint(run_folder) == run_folder / "checkpoint-2"
        (newest / name).write_bytes(whole[name])
    assert find_damage(newest) == []


def test_no_whole_checkpoint_is_an_error_that_names_the_damage(run_folder):
    for step in (2, 4):
        empty(run_folder / f"checkpoint-{step}" / "optimizer.pt")

    with pytest.raises(ValueError, match=r"no checkpoint in .* is whole .*checkpoint-2: optimizer.pt is empty.*new"):
        newest_whole_checkpoint(run_folder)


def test_a_folder_without_checkpoints_has_none(tmp_path):
    assert newest_whole_checkpoint(tmp_path) is None


def test_a_checkpoint_that_is_being_written_is_not_there_yet(new_model, trainer_for, tmp_path, monkeypatch):
    trainer = trainer_for(new_model(PET, LOUD), ROWS, **RUN)
    seen = []
    save = trainer._save_rng_state
    monkeypatch.setattr(trainer, "_save_rng_state", lambda folder: (seen.append(folder_names(tmp_path)), save(folder)))
    trainer.train()

    assert seen == [[".unfinished"], [".unfinished", "checkpoint-2"]]
    assert folder_names(tmp_path) == ["checkpoint-2", "checkpoint-4"]


def folder_names(tmp_path):
    return sorted(path.name for path in (tmp_path / "run").iterdir())


def test_old_checkpoints_go_only_after_the_new_one_is_whole_and_the_best_stays(new_model, trainer_for, tmp_path):
    run = {**RUN, "max_steps": 8, "eval_strategy": "steps", "eval_steps": 2, "load_best_model_at_end": True}
    trainer = trainer_for(new_model(PET, LOUD), ROWS, validation=ROWS, save_total_limit=2, **run)
    trainer.train()

    best = Path(trainer.state.best_model_checkpoint)
    assert best.is_dir()
    assert best.parent == tmp_path / "run"
    assert set(folder_names(tmp_path)) == {best.name, "checkpoint-8"}


def test_the_manifest_tells_step_versions_tasks_and_data(run_folder):
    manifest = read_manifest(run_folder / "checkpoint-2")

    assert manifest["step"] == 2
    assert manifest["versions"]["torch"] == torch.__version__
    assert manifest["tasks"]["pet"] == ["single_label_classification", ["cat", "dog", "none"]]
    assert set(FILES) - {"manifest.json"} <= set(manifest["files"])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*ROWS[:3], row("cat !", pet=1)], "trained on other training rows"),
        (ROWS[::-1], "trained on other training rows"),
    ],
)
def test_resuming_on_other_rows_is_refused(rows, message, run_folder, new_model, trainer_for):
    facts = trainer_for(new_model(PET, LOUD), rows, **RUN).run_facts()

    with pytest.raises(ValueError, match=message):
        refuse_other_run(run_folder / "checkpoint-2", facts)


def test_resuming_with_other_labels_is_refused_and_with_the_same_run_allowed(run_folder, new_model, trainer_for):
    facts = trainer_for(new_model(PET, LOUD), ROWS, **RUN).run_facts()
    refuse_other_run(run_folder / "checkpoint-2", facts)

    facts["tasks"]["pet"][1] = ["dog", "cat", "none"]
    with pytest.raises(ValueError, match="other tasks or labels"):
        refuse_other_run(run_folder / "checkpoint-2", facts)


RECIPE = """
model: {from_scratch: {model_type: bert, num_hidden_layers: 2, hidden_size: 16, num_attention_heads: 2, intermediate_size: 32},
        max_length: 12}
tasks: [{name: pet, kind: single_label_classification}, {name: loud, kind: binary_classification, labels: ["0", "1"]}]
data: [{name: toy, train: toy.jsonl, text: text, labels: {pet: pet, loud: loud}}]
train: {max_steps: 60, save_strategy: steps, save_steps: 3, per_device_train_batch_size: 4, layer_decay: 0.8,
        thaw_every_steps: 15, learning_rate: 1e-3, seed: 5, use_cpu: true}
"""
RUN_IT = (
    "import sys; from polyhead.training.training import train_recipe; "
    "train_recipe('r.yaml', 'out', resume=sys.argv[1] == 'r', with_pictures=False)"
)


@pytest.fixture
def toy_recipe(tmp_path):
    rows = [
        {"text": f"{pet} {'!' * loud} {n}", "pet": pet, "loud": str(loud)}
        for n in range(6)
        for pet in "ab"
        for loud in (0, 1)
    ]
    (tmp_path / "toy.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    return tmp_path


def start(folder, mode):
    command = [sys.executable, "-c", RUN_IT, mode]
    with (folder / "log.txt").open("w", encoding="utf-8") as log:
        return subprocess.Popen(
            command, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=log, stderr=subprocess.STDOUT
        )


def finish(process, folder):
    return process.wait(), (folder / "log.txt").read_text(encoding="utf-8")


def kill_while_running(process, folder, step):
    """Kill a run as soon as it has passed a step, in the middle of whatever it does."""
    while process.poll() is None and not any(
        int(path.name.split("-")[1]) >= step for path in (folder / "out").glob("checkpoint-*")
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def final_weights(folder):
    return (folder / "out" / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "kill_steps",
    [(9, 21, 42), pytest.param(tuple(range(3, 60, 3)), marks=pytest.mark.slow)],
    ids=["3 kills", "20 kills"],
)
def test_killed_runs_go_on_and_end_with_the_weights_of_an_undisturbed_run(kill_steps, toy_recipe, tmp_path_factory):
    for step in kill_steps:
        mode = "r" if any((toy_recipe / "out").glob("checkpoint-*")) else "n"
        kill_while_running(start(toy_recipe, mode), toy_recipe, step)
    code, output = finish(start(toy_recipe, "r"), toy_recipe)
    assert code == 0, output
    disturbed = final_weights(toy_recipe)

    (toy_recipe / "out").rename(toy_recipe / "disturbed")
    code, output = finish(start(toy_recipe, "n"), toy_recipe)
    assert code == 0, output
    assert disturbed == final_weights(toy_recipe)


def test_ctrl_c_saves_the_last_whole_step_and_the_run_can_go_on(toy_recipe):
    process = start(toy_recipe, "n")
    while process.poll() is None and not list((toy_recipe / "out").glob("checkpoint-*")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    code, output = finish(process, toy_recipe)

    assert code != 0
    assert "KeyboardInterrupt" in output
    newest = newest_whole_checkpoint(toy_recipe / "out")
    steps = json.loads((newest / "trainer_state.json").read_text())["global_step"]
    assert 3 <= steps < 60
    assert not (toy_recipe / "out" / "model.safetensors").exists()


class _Stop(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        control.should_training_stop = state.global_step == 2


def test_a_stopped_run_resumes_bit_equal_from_its_newest_whole_checkpoint(new_model, trainer_for, tmp_path):
    whole = new_model(PET, LOUD, dropout=0.2)
    trainer_for(whole, ROWS, output_dir=str(tmp_path / "whole"), **RUN).train()
    trainer_for(new_model(PET, LOUD, dropout=0.2), ROWS, callbacks=[_Stop()], **RUN).train()
    other = new_model(PET, LOUD, dropout=0.2, seed=9)
    checkpoint = newest_whole_checkpoint(tmp_path / "run")
    trainer_for(other, ROWS, **RUN).train(resume_from_checkpoint=str(checkpoint))

    assert checkpoint.name == "checkpoint-2"
    assert moved(weights(whole), weights(other)) == set()
