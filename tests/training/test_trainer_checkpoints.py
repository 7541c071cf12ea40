"""What a run leaves in its folder: checkpoints that load like a saved model, and the best one at the end."""

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from polyhead.modeling.modeling_polyhead import PolyheadModel

from .conftest import LOUD, PET, moved, row, weights

ROWS = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2, loud=0), row("cat !", pet=0)]
RUN = {"save_strategy": "epoch", "eval_strategy": "epoch", "per_device_train_batch_size": 4, "num_train_epochs": 4}
RUN |= {"load_best_model_at_end": True, "warmup_steps": 0}
# The Trainer's own state; nothing that publishes a model takes it along.
PICKLES = {"optimizer.pt", "scheduler.pt", "rng_state.pth"}
READ_BARE = """
import sys
sys.modules["polyhead"] = None  # whoever imports it fails
from transformers import AutoModel
import torch
ids = torch.tensor([[2, 61, 62, 3]])
trusted = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
plain = AutoModel.from_pretrained(sys.argv[1])
torch.save({"pet": trusted(ids).logits["pet"], "plain": plain(ids).last_hidden_state}, sys.argv[2])
"""


@pytest.fixture
def finished(new_model, trainer_for):
    """A run whose best epoch is not its last: the rate is far too high."""

    def _finished(rate=1e-3, **options):
        trainer = trainer_for(new_model(PET, LOUD), ROWS, ROWS, learning_rate=rate, **{**RUN, **options})
        trainer.train()
        return trainer

    return _finished


def test_a_running_checkpoint_answers_as_the_model_did_for_every_reader(finished, tmp_path):
    trainer = finished(load_best_model_at_end=False)
    folder = tmp_path / "run" / "checkpoint-4"
    ids = torch.tensor([[2, 61, 62, 3]])
    with torch.no_grad():
        trainer.model.eval()
        expected = trainer.model(ids)
        loaded = PolyheadModel.from_pretrained(folder).eval()
        assert torch.equal(loaded(ids).logits["pet"], expected.logits["pet"])
    assert loaded.predict("a cat") == trainer.model.predict("a cat")

    subprocess.run([sys.executable, "-c", READ_BARE, folder, tmp_path / "bare.pt"], check=True, capture_output=True)
    bare = torch.load(tmp_path / "bare.pt")
    torch.testing.assert_close(bare["pet"], expected.logits["pet"], rtol=0, atol=1e-6)
    torch.testing.assert_close(bare["plain"], expected.last_hidden_state, rtol=0, atol=1e-6)


def test_the_trainers_own_state_is_the_only_pickle(finished, tmp_path):
    finished()
    pickles = {path.name for path in (tmp_path / "run").rglob("*") if path.suffix in (".bin", ".pt", ".pth", ".pkl")}
    assert pickles == PICKLES

    for folder in (tmp_path / "run").glob("checkpoint-*"):
        told = json.loads((folder / "training_args.json").read_text())
        assert told["num_train_epochs"] == 4


def test_a_saved_trainer_model_has_no_pickle(finished, tmp_path):
    finished().save_model(str(tmp_path / "saved"))

    assert not [path for path in (tmp_path / "saved").rglob("*") if path.suffix in (".bin", ".pt", ".pth")]
    assert PolyheadModel.from_pretrained(tmp_path / "saved").predict("a cat")["pet"]["label"] in PET.labels


def test_the_run_ends_with_the_weights_of_its_best_epoch(finished, tmp_path, monkeypatch):
    scores = iter([0.5, 0.9, 0.3, 0.2])
    monkeypatch.setattr(
        "polyhead.training.trainer.flat_metrics", lambda *_: {"eval_loss": 1.0, "eval_score": next(scores)}
    )
    trainer = finished()
    kept = weights(trainer.model)
    best = PolyheadModel.from_pretrained(tmp_path / "run" / "checkpoint-2")
    last = PolyheadModel.from_pretrained(tmp_path / "run" / "checkpoint-4")

    assert trainer.state.best_global_step == 2
    assert moved(weights(best), kept) == set()
    assert len(moved(weights(last), kept)) > 30


@pytest.mark.parametrize(("metric", "best"), [("score", 2), ("pet_accuracy", 2), ("loss", 3), ("count_mae", 3)])
def test_the_best_epoch_is_the_highest_or_the_lowest_as_the_metric_wants(finished, monkeypatch, metric, best):
    values = iter([0.5, 0.9, 0.3, 0.4])
    monkeypatch.setattr("polyhead.training.trainer.flat_metrics", lambda *_: {f"eval_{metric}": next(values)})

    assert finished(metric_for_best_model=metric).state.best_global_step == best


def test_the_best_epoch_is_kept_when_old_checkpoints_go(finished, tmp_path, monkeypatch):
    scores = iter([0.9, 0.5, 0.3, 0.2])
    monkeypatch.setattr("polyhead.training.trainer.flat_metrics", lambda *_: {"eval_score": next(scores)})
    finished()

    assert {path.name for path in (tmp_path / "run").iterdir()} == {"checkpoint-1", "checkpoint-4"}


def test_evaluations_are_logged_by_task_and_metric_with_the_score(finished):
    trainer = finished(num_train_epochs=1)
    (logged,) = [entry for entry in trainer.state.log_history if "eval_loss" in entry]

    assert {"eval_loss", "eval_score", "eval_pet_loss", "eval_pet_accuracy", "eval_loud_f1"} <= set(logged)
    score = (logged["eval_pet_accuracy"] + logged["eval_loud_accuracy"]) / 2
    assert logged["eval_score"] == pytest.approx(score)


def test_names_in_the_file_are_the_backbones_own(finished, tmp_path):
    finished(num_train_epochs=1)
    names = set(load_file(tmp_path / "run" / "checkpoint-1" / "model.safetensors"))

    assert "embeddings.word_embeddings.weight" in names
    assert not [name for name in names if name.startswith("backbone.")]
