"""What a run leaves in its folder beside the model, and what becomes of its checkpoints."""

import json
import platform
import shutil
import sys

import pytest
import torch

from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.training.recipe.recipe import load_recipe
from polyhead.training.run.metrics_file import read_metrics
from polyhead.training.run.record import resolved_content
from polyhead.training.training import train_recipe

from ..conftest import moved, weights

# The highest loss counts as the best, so that the best checkpoint is an early one.
RECIPE = """
model: {from_scratch: {model_type: bert, num_hidden_layers: 1, hidden_size: 16, num_attention_heads: 2, intermediate_size: 16},
        max_length: 12}
tasks: [{name: pet, kind: single_label_classification}, {name: loud, kind: binary_classification, labels: ["no", "yes"]}]
data: [{name: toy, train: rows.jsonl, validation: rows.jsonl, text: text, labels: {pet: pet, loud: loud}}]
train: {num_train_epochs: 4, per_device_train_batch_size: 3, learning_rate: 0.02, lr_scheduler_type: constant, warmup_steps: 0,
        logging_steps: 4, save_strategy: steps, save_steps: 3, eval_strategy: steps, eval_steps: 3, save_total_limit: 20,
        metric_for_best_model: loss, greater_is_better: true, seed: 5, use_cpu: true, disable_tqdm: true,
        keep_checkpoints: true}
"""
TIMES = {"eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "eval_jit_compilation_time"}
SHORT = ["train.max_steps=1", "train.save_steps=1", "train.eval_steps=1", "train.keep_checkpoints=false"]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    rows = [
        {"text": f"{end} {pet} {end}", "pet": pet, "loud": "yes" if end == "oh" else "no"}
        for pet in ("cat", "dog", "cow")
        for end in ("oh", "the", "so")
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder / "recipe.yaml"


@pytest.fixture(scope="module")
def whole(recipe, tmp_path_factory):
    """A run of 12 steps in 4 epochs that was never disturbed, its checkpoints kept; not to be changed."""
    return train_recipe(recipe, tmp_path_factory.mktemp("whole") / "out", ["train.weight_decay=0.02"])


@pytest.fixture
def stopped(whole, tmp_path):
    """The same run as if it had been killed after step 11, in a folder that has another name since."""
    folder = shutil.copytree(whole.output, tmp_path / "moved")
    shutil.rmtree(folder / "checkpoint-12")
    for file in ("config.json", "model.safetensors"):
        (folder / file).unlink()
    return folder


def without_times(path):
    return [{key: value for key, value in entry.items() if key not in TIMES} for entry in read_metrics(path)]


def test_every_log_entry_is_a_line_with_its_step(whole):
    entries = read_metrics(whole.record / "metrics.jsonl")

    logged = [(entry["step"], "eval_loss" in entry) for entry in entries]
    assert logged == [(3, True), (4, False), (6, True), (8, False), (9, True), (12, False), (12, True)]
    training, measured = entries[-2:]
    assert {"loss", "grad_norm", "loss/pet", "loss/loud", "share/pet", "share/loud", "lr/heads"} <= set(training)
    assert training["share/pet"] + training["share/loud"] == pytest.approx(1)
    assert {"eval_score", "eval_pet_accuracy", "eval_loud_f1"} <= set(measured)


def test_a_run_killed_between_two_log_entries_goes_on_with_the_same_log_and_no_step_twice(recipe, whole, stopped):
    shutil.rmtree(stopped / "checkpoint-9")
    torch.manual_seed(99)
    train_recipe(
        recipe, stopped, ["train.weight_decay=0.02"], resume=True, with_pictures=False
    )  # from step 6, two after the last log

    entries = without_times(stopped / "run" / "metrics.jsonl")
    assert entries == without_times(whole.record / "metrics.jsonl")


def test_a_run_in_a_moved_folder_still_ends_with_its_best_checkpoint(recipe, whole, stopped, caplog):
    whole.output.rename(whole.output.with_name("away"))  # so that the old paths lead nowhere
    try:
        resumed = train_recipe(recipe, stopped, ["train.weight_decay=0.02"], resume=True, with_pictures=False)
    finally:
        whole.output.with_name("away").rename(whole.output)

    best = PolyheadModel.from_pretrained(stopped / "checkpoint-3")
    assert moved(weights(best), weights(resumed.model)) == set()
    last = PolyheadModel.from_pretrained(stopped / "checkpoint-12")
    assert moved(weights(last), weights(resumed.model)) != set()
    assert moved(weights(whole.model), weights(resumed.model)) == set()
    assert resumed.scores == whole.scores
    assert "does not exist" not in caplog.text


def test_the_recipe_that_was_kept_makes_the_same_model_again_from_its_own_folder(whole, tmp_path):
    kept = whole.record / "recipe.yaml"
    again = train_recipe(kept, tmp_path / "again", with_pictures=False)

    assert load_recipe(kept).train["weight_decay"] == 0.02  # from --set
    assert (again.output / "model.safetensors").read_bytes() == (whole.output / "model.safetensors").read_bytes()
    assert without_times(again.record / "metrics.jsonl") == without_times(whole.record / "metrics.jsonl")


def test_a_backbone_beside_the_recipe_is_kept_by_its_absolute_path(recipe, tmp_path):
    (tmp_path / "encoder").mkdir()
    shutil.copy(recipe.parent / "rows.jsonl", tmp_path)
    sections = [line for line in RECIPE.strip().splitlines() if not line.startswith((" ", "train"))][1:]
    path = tmp_path / "recipe.yaml"
    path.write_text("\n".join(["model: {backbone: ./encoder}", *sections]))

    assert resolved_content(load_recipe(path))["model"] == {"backbone": str((tmp_path / "encoder").resolve())}


def test_versions_tell_what_the_run_ran_on(whole):
    told = json.loads((whole.record / "versions.json").read_text())

    assert (told["torch"], told["python"]) == (torch.__version__, platform.python_version())
    assert (told["seed"], told["device"], told["processes"]) == (5, "cpu", 1)
    assert {"polyhead", "transformers", "datasets", "platform", "threads"} <= set(told)


def test_pictures_are_png_files_beside_the_log(whole):
    names = {"losses", "scores", "rates", "shares", "confusion_pet", "confusion_loud"}
    assert {path.name for path in whole.record.glob("*.png")} == {f"{name}.png" for name in names}
    assert set(whole.pictures) == set(whole.record.glob("*.png"))
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in whole.pictures)


def test_without_matplotlib_a_run_has_all_but_pictures(recipe, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = train_recipe(recipe, tmp_path / "out", SHORT)

    assert result.pictures is None
    assert {path.name for path in result.record.iterdir()} == {
        "card.md",
        "metrics.jsonl",
        "recipe.yaml",
        "versions.json",
    }


def test_a_finished_run_has_no_checkpoints_and_says_so_when_it_should_go_on(recipe, tmp_path):
    result = train_recipe(recipe, tmp_path / "out", SHORT)

    assert not list(result.output.glob("checkpoint-*"))
    with pytest.raises(ValueError, match=r"nothing to resume: the run in '.*out' is finished.*model.checkpoint"):
        train_recipe(recipe, tmp_path / "out", SHORT, resume=True, with_pictures=False)
    assert PolyheadModel.from_pretrained(result.output).predict("the cat")["pet"]["label"] in ("cat", "dog", "cow")


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_again_in_its_folder(recipe, tmp_path):
    (tmp_path / "out" / "run").mkdir(parents=True)
    (tmp_path / "out" / "run" / "metrics.jsonl").write_text('{"step": 2}\n')
    with pytest.raises(ValueError, match="Start without --resume"):
        train_recipe(recipe, tmp_path / "out", SHORT, resume=True, with_pictures=False)
    result = train_recipe(recipe, tmp_path / "out", SHORT)

    assert {entry["step"] for entry in read_metrics(result.record / "metrics.jsonl")} == {1}


def test_the_validation_split_is_not_measured_again_for_the_same_weights(recipe, tmp_path, monkeypatch):
    def _refuse(*_):
        raise AssertionError("measured twice")

    monkeypatch.setattr("polyhead.training.training.evaluate_closely", _refuse)
    assert set(train_recipe(recipe, tmp_path / "out", SHORT, with_pictures=False).scores) == {"pet", "loud"}
    with pytest.raises(AssertionError, match="twice"):  # in mixed precision the saved weights are others
        train_recipe(recipe, tmp_path / "rounded", [*SHORT, "train.bf16=true"], with_pictures=False)
