"""`polyhead heads`: a new folder, a proof, and the old folder as it was."""

import hashlib
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from polyhead.modeling.card_polyhead import INVITATION
from polyhead.modeling.modeling_polyhead import PolyheadModel


def contents(folder):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_surgery_writes_a_new_model_with_its_proof_and_leaves_the_old_one(polyhead, all_kinds, tmp_path):
    before = contents(all_kinds)
    result = polyhead("heads", "drop", all_kinds, "topic", "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    *proofs, last = result.stdout.replace("\n", " ").split("before and after")
    assert len(proofs) == 7
    assert "toxic: 8 x 1 logits, sha256" in proofs[0]
    assert "out" in last
    assert contents(all_kinds) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert "topic" not in PolyheadModel.from_pretrained(tmp_path / "out").predict(["a cat"])


def test_head_goes_from_model_to_model(polyhead, all_kinds, tmp_path):
    texts = ["the cat", "a dog!"]
    for arguments in (
        ("extract", all_kinds, "affect", "--output", tmp_path / "affect.safetensors"),
        ("drop", all_kinds, "affect", "--output", tmp_path / "without"),
        (
            "add",
            tmp_path / "without",
            tmp_path / "affect.safetensors",
            "--output",
            tmp_path / "with",
            "--name",
            "feeling",
        ),
        ("rename", tmp_path / "with", "feeling", "affect", "--output", tmp_path / "again"),
        ("replace", tmp_path / "again", "affect", tmp_path / "affect.safetensors", "--output", tmp_path / "replaced"),
        ("merge", tmp_path / "without", all_kinds, "--tasks", "affect", "--output", tmp_path / "merged"),
    ):
        result = polyhead("heads", *arguments)
        assert result.exit_code == 0, result.output
    expected = PolyheadModel.from_pretrained(all_kinds).predict(texts)
    assert PolyheadModel.from_pretrained(tmp_path / "with").predict(texts)["feeling"] == expected["affect"]
    for name in ("again", "replaced", "merged"):
        assert PolyheadModel.from_pretrained(tmp_path / name).predict(texts) == expected


def test_nothing_is_written_when_the_proof_fails(polyhead, all_kinds, tmp_path, monkeypatch):
    save = PolyheadModel.save_pretrained

    def save_with_another_bit(self, directory, **options):
        save(self, directory, **options)
        tensors = load_file(directory / "model.safetensors")
        tensors["polyhead.heads.toxic.output.bias"] += 1
        save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})

    monkeypatch.setattr(PolyheadModel, "save_pretrained", save_with_another_bit)
    result = polyhead("heads", "drop", all_kinds, "topic", "--output", tmp_path / "out")
    assert result.exit_code == 1
    assert "the answers of ['toxic'] changed" in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())


def test_list_shows_every_task(polyhead, all_kinds):
    rows = json.loads(polyhead("heads", "list", all_kinds, "--json").stdout)["heads"]
    shown = polyhead("heads", "list", all_kinds).stdout
    assert [row["task"] for row in rows] == [
        *("topic", "toxic", "tags", "affect", "grade", "slots", "closeness", "entails")
    ]
    assert all(row["task"] in shown for row in rows)


@pytest.mark.parametrize("command", ["drop {} topic", "rename {} topic subject"])
def test_output_that_is_not_empty_is_refused(polyhead, all_kinds, tmp_path, command):
    (tmp_path / "notes").touch()
    result = polyhead("heads", *command.format(all_kinds).split(), "--output", tmp_path)
    assert result.exit_code == 2
    assert "not empty" in result.stderr


def test_training_on_a_merged_model_with_the_backbone_frozen_keeps_its_answers(polyhead, folder, trained):
    merged = folder / "merged"
    assert polyhead("heads", "rename", trained, "mood", "feeling", "--output", merged).exit_code == 0
    tasks = (folder / "recipe.yaml").read_text().partition("tasks:")[2]
    (folder / "recipe.yaml").write_text(f"model: {{checkpoint: {merged}}}\ntasks:{tasks}")
    result = polyhead("train", "recipe.yaml", "--output", "out", "--set", "train.freeze=[{part: backbone}]")
    assert result.exit_code == 0, result.output
    texts = ["one text", "and another"]
    before, after = (PolyheadModel.from_pretrained(path) for path in (merged, "out"))
    assert before.predict(texts)["feeling"] == after.predict(texts)["feeling"]
    topics = [model.polyhead.heads["topic"].output.weight for model in (before, after)]
    assert not torch.equal(*topics)


def test_tasks_of_the_recipe_that_the_model_lacks_are_told(polyhead, folder, trained):
    assert polyhead("heads", "drop", trained, "mood", "--output", folder / "one").exit_code == 0
    result = polyhead("evaluate", folder / "one", "recipe.yaml", "--split", "validation")
    assert result.exit_code == 0
    assert "left out: mood, which the recipe has and the model has not" in result.stderr
    assert "left out" not in polyhead("evaluate", trained, "recipe.yaml", "--split", "validation").stderr


def test_what_people_wrote_into_the_card_goes_along(polyhead, all_kinds, tmp_path):
    shutil.copytree(all_kinds, tmp_path / "mine")
    card = tmp_path / "mine" / "README.md"
    card.write_text(card.read_text().replace(INVITATION, "For tickets.\n"))
    assert polyhead("heads", "drop", tmp_path / "mine", "topic", "--output", tmp_path / "out").exit_code == 0
    written = (tmp_path / "out" / "README.md").read_text()
    assert "For tickets." in written
    assert "`topic`" not in written
