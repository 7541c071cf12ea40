"""The Trainer pushes the finished model by the same list as every push."""

import json

import pytest

from polyhead.modeling.modeling_polyhead import PolyheadModel

from ..conftest import PET, row

ROWS = [row("a cat", pet=0), row("a dog !", pet=1)]
PUSHED = {"push_to_hub": True, "hub_model_id": "me/pets", "hub_private_repo": True, "hub_token": "hf_loopback"}


@pytest.fixture
def trained(new_model, trainer_for, client):
    """Return a trainer that has trained for two steps with running checkpoints, and would push."""

    def _trained(**options):
        fields = {"max_steps": 2, "save_strategy": "steps", "save_steps": 1, **PUSHED, **options}
        trainer = trainer_for(new_model(PET), ROWS, **fields)
        trainer.train()
        return trainer

    return _trained


def test_nothing_is_pushed_before_the_model_is_saved_and_then_it_is_one_commit(trained, hub, tmp_path):
    trainer = trained()
    assert hub.repositories == {}
    trainer.save_model()

    repository = hub.repositories["me/pets"]
    assert len(repository.pushed) == 1
    assert repository.is_private
    files = repository.files()
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pth")) or name.startswith("checkpoint-")]
    assert (tmp_path / "run" / "checkpoint-2" / "optimizer.pt").is_file()  # there was something to leave behind
    told = json.loads(files["training_args.json"])
    assert told["max_steps"] == 2
    assert told["hub_token"] == "<HUB_TOKEN>"
    assert b"hf_loopback" not in b"".join(files.values())


def test_what_is_pushed_is_the_model_with_its_card_and_loads(trained, hub, tmp_path):
    trainer = trained()
    commit = trainer.push_to_hub()
    assert hub.repositories["me/pets"].pushed == [commit.oid]
    for name, content in hub.repositories["me/pets"].files().items():
        (tmp_path / "loaded" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "loaded" / name).write_bytes(content)
    assert PolyheadModel.from_pretrained(tmp_path / "loaded").predict("a cat") == trainer.model.predict("a cat")
    assert b"rendered by polyhead" in hub.repositories["me/pets"].files()["README.md"]


def test_whoever_is_not_logged_in_learns_it_before_training(trainer_for, new_model, client, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    with pytest.raises(ValueError, match="not logged in to the Hub"):
        trainer_for(new_model(PET), ROWS, **{**PUSHED, "hub_token": None})


def test_a_push_that_fails_after_training_leaves_the_model_and_says_where(trained, hub, tmp_path):
    trainer = trained()
    hub.fail("commit", status=500, times=float("inf"))
    with pytest.raises(
        ConnectionError, match=r"The model is saved in '.*run'; `polyhead push` sends it without training"
    ):
        trainer.push_to_hub()
    assert PolyheadModel.from_pretrained(tmp_path / "run").predict("a cat") == trainer.model.predict("a cat")


def test_a_model_trained_in_mixed_precision_keeps_its_golden_answers(trained, tmp_path):
    from polyhead.publishing.verification import verify_folder

    trained(bf16=True, push_to_hub=False).save_model(str(tmp_path / "saved"))
    found = verify_folder(tmp_path / "saved")
    assert found.problems == []
    assert found.checks[-1].startswith("answers: as when it was saved")
