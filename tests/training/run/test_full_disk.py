"""A disk without room, for which a limit on the size of files stands in: what was saved before stays whole."""

import json
import resource
from pathlib import Path

import pytest
from transformers import TrainerCallback

from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.training.run.checkpoints import newest_whole_checkpoint
from polyhead.training.run.final_model import save_model
from polyhead.training.run.full_disk import is_full
from polyhead.training.training import train_recipe

from ..conftest import PET, moved, row, weights

SAVING = {"save_strategy": "steps", "save_steps": 1, "save_total_limit": None, "max_steps": 3}
RECIPE = """
model: {from_scratch: {model_type: bert, num_hidden_layers: 1, hidden_size: 16, num_attention_heads: 2, intermediate_size: 16}}
tasks: [{name: pet, kind: single_label_classification}]
data: [{name: toy, train: rows.jsonl, text: text, labels: {pet: pet}}]
train: {max_steps: 1, save_strategy: "no", use_cpu: true, disable_tqdm: true}
"""
ROWS = [row("the cat", 1, pet=0), row("dog", 2, pet=1)] * 4


@pytest.fixture
def fill_disk():
    """Return a function after which no file may be longer than so many bytes, until the test ends."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda num_bytes: resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, limits[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


class At(TrainerCallback):
    """Do something before a step."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step + 1 == self.step:
            self.action()


@pytest.mark.parametrize(
    ("size", "reason"),
    [(50_000, "File too large"), (150_000, "inline_container|PytorchStream")],
    ids=["weights", "optimizer"],
)
def test_checkpoint_without_room_leaves_the_one_before_and_the_run_goes_on_from_it(
    new_model, trainer_for, tmp_path, fill_disk, size, reason
):
    whole = trainer_for(new_model(PET), ROWS, output_dir=str(tmp_path / "whole"), **SAVING)
    whole.train()
    assert (tmp_path / "whole" / "checkpoint-1" / "model.safetensors").stat().st_size < 150_000

    stopped = trainer_for(new_model(PET), ROWS, callbacks=[At(2, lambda: fill_disk(size))], **SAVING)
    with pytest.raises(
        OSError,
        match=rf"no room to write checkpoint-2 in .*run' \(.*({reason}).*\. Whole as before: checkpoint-1\. Free some",
    ):
        stopped.train()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["checkpoint-1"]
    fill_disk(resource.RLIM_INFINITY)

    resumed = trainer_for(new_model(PET, seed=7), ROWS, **SAVING)
    resumed.train(resume_from_checkpoint=str(newest_whole_checkpoint(tmp_path / "run")))
    assert moved(weights(whole.model), weights(resumed.model)) == set()


def test_first_checkpoint_without_room_says_that_nothing_was_saved(new_model, trainer_for, tmp_path, fill_disk):
    trainer = trainer_for(new_model(PET), ROWS, callbacks=[At(1, lambda: fill_disk(50_000))], **SAVING)

    with pytest.raises(OSError, match=r"Nothing was saved before\. Free some space"):
        trainer.train()
    assert list((tmp_path / "run").iterdir()) == []


def test_a_model_without_room_leaves_nothing_under_its_names(tmp_path, fill_disk):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    rows = [{"text": text, "pet": text[-3:]} for text in ("the cat", "a dog", "one cat", "one dog")]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    fill_disk(20_000)
    with pytest.raises(OSError, match=r"no room to write the model in .*out' \(.*\)\. Nothing was saved before\. Free"):
        train_recipe(recipe, tmp_path / "out", with_pictures=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["run"]
    fill_disk(resource.RLIM_INFINITY)

    train_recipe(recipe, tmp_path / "out", with_pictures=False)
    assert {"config.json", "model.safetensors", "1_Pooling", "run"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }
    assert not (tmp_path / "out" / ".unfinished").exists()
    PolyheadModel.from_pretrained(tmp_path / "out")


def test_a_model_replaces_the_one_that_lay_in_its_place(new_model, tmp_path):
    save_model(new_model(PET, seed=1), tmp_path / "out")
    (tmp_path / "out" / "notes").touch()
    (tmp_path / "out" / "README.md").write_text("My own words.")
    model = new_model(PET, seed=2)
    save_model(model, tmp_path / "out")

    assert moved(weights(PolyheadModel.from_pretrained(tmp_path / "out")), weights(model)) == set()
    model.save_pretrained(tmp_path / "plain" / "out")
    names = {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*")}
    plain = {path.relative_to(tmp_path / "plain" / "out") for path in (tmp_path / "plain" / "out").rglob("*")}
    assert names == plain | {Path("notes")}
    assert (tmp_path / "out" / "README.md").read_text() == "My own words."


def test_checkpoint_of_a_run_with_room_loads(new_model, trainer_for, tmp_path):
    trainer_for(new_model(PET), ROWS, **SAVING).train()
    PolyheadModel.from_pretrained(tmp_path / "run" / "checkpoint-3")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device"), True),
        (OSError(122, "Disk quota exceeded"), True),
        (PermissionError(13, "Permission denied"), False),
        (RuntimeError("the wheels came off"), False),
    ],
    ids=["full", "quota", "permission", "other"],
)
def test_only_a_lack_of_room_counts_as_one(error, expected):
    assert is_full(error) is expected
    wrapped = RuntimeError("saving failed")
    wrapped.__cause__ = error
    assert is_full(wrapped) is expected
