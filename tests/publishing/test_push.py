"""Pushing with the real client to a Hub on the loopback address."""

import json
from pathlib import Path

import pytest

from polyhead.modeling.card_polyhead import INVITATION, name_card
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.modeling.published_files_polyhead import published_files
from polyhead.publishing.onnx_model import OnnxPolyhead

from ..loopback_repository import Repository

MODEL_FILES = {"config.json", "model.safetensors", "tokenizer.json", "golden.json", "manifest.json", "README.md"}


@pytest.fixture
def push(client, polyhead, saved):
    """Return a function that pushes the saved model as `me/model`, private, with more options."""

    def _push(*options, repo="me/model", folder=saved):
        return polyhead("push", folder, repo, "--private", *options)

    return _push


def test_a_push_is_one_commit_of_what_the_folder_holds(push, saved, hub):
    result = push()
    assert result.exit_code == 0, result.output
    repository = hub.repositories["me/model"]
    assert len(repository.pushed) == 1
    files = {path.relative_to(saved).as_posix(): path.read_bytes() for path in saved.rglob("*") if path.is_file()}
    assert repository.files() == files | {"README.md": name_card(files["README.md"].decode(), "me/model").encode()}
    assert 'from_pretrained("me/model")' in repository.files()["README.md"].decode()
    assert set(repository.files()) >= MODEL_FILES
    assert f"commit: {repository.pushed[0]}" in result.stdout
    assert f"model: {hub.address}/me/model" in result.stdout


def test_visibility_must_be_said_and_is_what_was_said(polyhead, client, saved, hub):
    silent = polyhead("push", saved, "me/model")
    assert silent.exit_code == 2
    assert "neither --private nor --public came" in silent.stderr
    assert hub.requests == []

    assert polyhead("push", saved, "me/closed", "--private").exit_code == 0
    assert polyhead("push", saved, "me/open", "--public").exit_code == 0
    assert hub.repositories["me/closed"].is_private
    assert not hub.repositories["me/open"].is_private


def test_private_and_public_together_are_refused(polyhead, saved):
    result = polyhead("push", saved, "me/model", "--private", "--public", "--dry-run")
    assert result.exit_code == 2
    assert "both --private and --public came" in result.stderr


@pytest.mark.parametrize("name", ["me/my model", "me/", "me/a/b", "../model"])
def test_a_dry_run_refuses_a_name_that_the_hub_would_refuse(name, polyhead, saved):
    result = polyhead("push", saved, name, "--private", "--dry-run")
    assert result.exit_code == 2
    assert f"'{name}' is no name of a repository: write owner/name" in result.stderr


def test_a_repository_of_another_visibility_is_left_alone(push, hub):
    hub.repositories["me/model"] = Repository(is_private=False)
    result = push()
    assert result.exit_code == 2
    assert "'me/model' is public, but private was asked for" in result.stderr
    assert hub.repositories["me/model"].pushed == []


def test_a_dry_run_lists_files_and_sizes_and_sends_nothing(push, saved, hub):
    result = push("--dry-run")
    assert result.exit_code == 0
    assert hub.requests == []
    listed = {line.split()[0]: line.split()[1] for line in result.stdout.splitlines()[:-1]}
    assert listed.keys() >= {"modeling_polyhead.py", "1_Pooling/config.json"}
    assert listed["model.safetensors"] == f"{(saved / 'model.safetensors').stat().st_size:,}"
    assert result.stdout.splitlines()[-1].endswith("nothing was sent")


def test_only_listed_kinds_of_files_leave(saved):
    kept = ["notes.md", "picture.png", "onnx/model.onnx", "recipe.yaml", "run/losses.png"]
    left = [".env", ".cache/x.json", "checkpoint-5/model.safetensors", "data.csv", "weights.gguf", "run/recipe.yaml"]
    left += ["run/versions.json", "__pycache__/x.py"]
    for name in kept + left:
        (saved / name).parent.mkdir(parents=True, exist_ok=True)
        (saved / name).write_text("x")
    names = set(published_files(saved))
    assert names >= set(kept)
    assert names & set(left) == set()


@pytest.mark.parametrize("content", [b"\x80\x04K\x01.", b"PK\x03\x04"])
def test_a_pickle_in_disguise_is_refused(saved, content):
    (saved / "labels.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"labels\.json' is a pickle whatever its name says"):
        published_files(saved)


def test_a_link_out_of_the_folder_is_refused(saved, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (saved / "notes.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match=r"notes\.txt' is a link to .*secret, outside the folder"):
        published_files(saved)


def test_a_folder_that_does_not_verify_is_not_pushed(push, saved, hub):
    weights = (saved / "model.safetensors").read_bytes()
    (saved / "model.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    result = push()
    assert result.exit_code == 2
    assert "does not verify, so it is not pushed" in result.stderr
    assert "model.safetensors is damaged: its checksum is wrong" in result.stderr
    assert hub.requests == []


def test_a_second_push_of_the_same_files_makes_no_commit(push, hub):
    push()
    assert push().exit_code == 0
    assert len(hub.repositories["me/model"].pushed) == 1


def test_a_branch_and_a_pull_request_leave_main_alone(push, hub):
    repository = hub.repositories["me/model"] = Repository(is_private=True)
    repository.branches["next"] = repository.branches["main"]
    assert push("--revision", "next").exit_code == 0
    assert repository.files("next").keys() >= MODEL_FILES
    result = push("--pr")
    assert f"pull request: {hub.address}/me/model/discussions/1" in result.stdout
    assert repository.files("refs/pr/1").keys() >= MODEL_FILES
    assert repository.files() == {}


def test_a_name_alone_means_ones_own_repository(push, hub):
    assert push(repo="model").exit_code == 0
    assert list(hub.repositories) == ["me/model"]


def test_a_model_in_memory_is_pushed_by_the_same_list(client, saved, hub):
    model = PolyheadModel.from_pretrained(saved)
    with pytest.raises(ValueError, match="say private=True or private=False"):
        model.push_to_hub("me/model")
    commit = model.push_to_hub("me/model", private=True)
    repository = hub.repositories["me/model"]
    assert repository.pushed == [commit.oid]
    files = {path.relative_to(saved).as_posix(): path.read_bytes() for path in saved.rglob("*") if path.is_file()}
    assert repository.files() == files | {"README.md": name_card(files["README.md"].decode(), "me/model").encode()}
    assert 'from_pretrained("me/model")' in repository.files()["README.md"].decode()


def test_saving_and_pushing_in_one_call(client, saved, tmp_path, hub):
    model = PolyheadModel.from_pretrained(saved)
    model.save_pretrained(tmp_path / "again", push_to_hub=True, repo_id="me/again", private=False)
    assert json.loads(hub.repositories["me/again"].files()["config.json"])["polyhead"]["tasks"][0]["name"] == "topic"


def test_a_recipe_that_pushes_ends_with_a_verified_model_on_the_hub(client, polyhead, tmp_path, hub):
    recipe = Path(__file__).parents[1] / "interface" / "tiny" / "recipe.yaml"
    pushed = ["train.push_to_hub=true", "train.hub_model_id=me/tiny", "train.hub_private_repo=true"]
    options = [word for setting in pushed for word in ("--set", setting)]
    result = polyhead("train", recipe, "--output", tmp_path / "tiny", *options)
    assert result.exit_code == 0, result.output
    assert polyhead("verify", tmp_path / "tiny").exit_code == 0
    repository = hub.repositories["me/tiny"]
    assert len(repository.pushed) == 1
    assert repository.files().keys() == published_files(tmp_path / "tiny").keys()
    assert str(tmp_path).encode() not in b"".join(repository.files().values())


@pytest.mark.parametrize("by_hand", [False, True])
def test_what_people_wrote_into_the_card_is_pushed_from_memory_too(saved, hub, client, by_hand):
    text = "# Mine\n" if by_hand else (saved / "README.md").read_text().replace(INVITATION, "For tickets.\n")
    (saved / "README.md").write_text(text)
    PolyheadModel.from_pretrained(saved).push_to_hub("me/model", private=True)
    assert hub.repositories["me/model"].files()["README.md"].decode() == name_card(text, "me/model")


def test_a_push_with_onnx_adds_the_export_and_leaves_the_folder_alone(push, saved, hub):
    before = sorted(saved.rglob("*"))
    listed = push("--onnx", "--dry-run")
    assert listed.exit_code == 0, listed.output
    assert "polyhead-onnx/model.onnx " in listed.stdout
    assert push("--onnx").exit_code == 0
    repository = hub.repositories["me/model"]
    assert len(repository.pushed) == 1
    exported = {f"polyhead-onnx/{name}" for name in ("model.onnx", "polyhead.json", "tokenizer.json")}
    assert repository.files().keys() == published_files(saved).keys() | exported
    assert sorted(saved.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "message"),
    [("me/absent", "the Hub does not give it"), ("no/such/folder", "no name that the Hub could have")],
)
def test_an_onnx_model_that_there_is_not_is_told_by_name(client, name, message):
    with pytest.raises(ValueError, match=f"'{name}' is no folder, and .*{message}"):
        OnnxPolyhead.from_pretrained(name)
