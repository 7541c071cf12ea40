"""What is out of scope: fitted, kept with the model, moved with its head, exported."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from polyhead import OnnxPolyhead
from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.modeling.scope_polyhead import SCOPE
from polyhead.publishing.abstention import Target, fit_abstention
from polyhead.publishing.calibrate import calibrate_model, store_calibration
from polyhead.publishing.head_surgery import add_heads, drop_head, rename_head
from polyhead.publishing.onnx_export import export_onnx
from polyhead.publishing.trained_head import load_head, save_head, take_heads
from polyhead.publishing.verification import verify_folder
from polyhead.training.data.examples import MultiTaskDataset

PET = TaskConfig(name="pet", kind="single_label_classification", labels=["cat", "dog"])
TEXTS = ["the cat", "a dog!", "the dog, the cat", "cat", "dog dog"]


def test_half_of_what_may_be_withheld_goes_as_out_of_scope():
    # 99 rows to fit on: of 100 with a new one 5 may be stranger (score 0.95 or more), and 5 of the others less sure.
    score, far = np.linspace(0.51, 0.99, 99), np.roll(np.arange(99) / 100, 50)
    score, far = np.repeat(score, 2), np.repeat(far, 2)
    logits = np.stack([np.log(score), np.log(1 - score)], axis=1)
    found = fit_abstention(PET, logits, np.zeros(198, dtype=int), Target(coverage=0.9), lambda _: far)
    assert found.max_out_of_scope == pytest.approx(0.94, rel=2e-4)
    assert found.out_of_scope == pytest.approx(4 / 99)
    assert found.coverage == pytest.approx(91 / 99)
    assert found.min_confidence == pytest.approx(score[8], abs=2e-6)
    everything = fit_abstention(PET, logits, np.zeros(198, dtype=int), Target(coverage=1.0), lambda _: far)
    assert (everything.max_out_of_scope, everything.coverage) == (None, 1)
    precise = fit_abstention(PET, logits, np.zeros(198, dtype=int), Target(precision=0.9), lambda _: far)
    assert (precise.max_out_of_scope, precise.min_confidence) == (found.max_out_of_scope, 0)


@pytest.fixture
def model(make_model, all_tasks):
    return make_model([task for task in all_tasks() if task.name in ("topic", "grade", "slots")], projection_dim=8)


@pytest.fixture
def dataset(model):
    rows = [{"text": TEXTS[n % 5], "labels": {"topic": n % 5 % 2, "grade": n % 3}} for n in range(120)]
    return MultiTaskDataset({"rows": rows}, model.config.tasks, model.tokenizer, 40)


@pytest.fixture
def scoped(model, dataset, tmp_path):
    """A calibrated model in a folder."""
    model.save_pretrained(tmp_path / "model")
    found = calibrate_model(model, dataset, target=Target(coverage=0.9), train=dataset)
    store_calibration(tmp_path / "model", model, found, "rows", "validation")
    return model


def answers(model):
    return model.predict([*TEXTS, "zebra!"], tasks=["topic"], abstain=True)["topic"]


def test_a_calibrated_model_tells_what_is_out_of_scope_wherever_it_is_loaded(scoped, tmp_path):
    told = scoped.config.task("topic").max_out_of_scope
    assert told > 0
    assert scoped.config.task("grade").max_out_of_scope is None
    assert answers(scoped)[-1]["reason"] == "out of scope"
    assert {answer["reason"] for answer in answers(scoped)[:5]} <= {None, "low confidence"}
    loaded = PolyheadModel.from_pretrained(tmp_path / "model")
    assert answers(loaded) == answers(scoped)
    found = verify_folder(tmp_path / "model")
    assert not found.problems
    (tmp_path / "model" / SCOPE).write_bytes((tmp_path / "model" / SCOPE).read_bytes()[:-4] + b"1234")
    assert any(SCOPE in problem for problem in verify_folder(tmp_path / "model").problems)


def test_calibrating_again_without_a_target_removes_the_training_rows(scoped, dataset, tmp_path):
    found = calibrate_model(scoped, dataset)
    store_calibration(tmp_path / "model", scoped, found, "rows", "validation")
    assert not (tmp_path / "model" / SCOPE).exists()
    assert not verify_folder(tmp_path / "model").problems
    with pytest.raises(ValueError, match="nothing says when"):
        answers(PolyheadModel.from_pretrained(tmp_path / "model"))


def test_training_rows_are_kept_up_to_a_number_and_refused_below_another(model, dataset, monkeypatch):
    monkeypatch.setattr("polyhead.publishing.calibrate.MOST_TRAINING_ROWS", 50)
    calibrate_model(model, dataset, ["topic"], Target(coverage=0.9), dataset)
    assert model.scopes["topic"].training_rows.shape == (40, 8)  # every third of 120
    assert model.scopes["topic"].distances(model.encode(TEXTS)) == pytest.approx([0] * 5, abs=1e-5)
    few = MultiTaskDataset({"rows": dataset.rows[:29]}, model.config.tasks, model.tokenizer, 40)
    with pytest.raises(ValueError, match=r"task 'topic' has 29 training rows in this recipe; .* from 30 on"):
        calibrate_model(model, dataset, ["topic"], Target(coverage=0.9), few)


def test_training_rows_move_with_their_head(scoped, tmp_path):
    expected = answers(scoped)
    [head] = take_heads(scoped, ["topic"])
    save_head(head, tmp_path / "topic.safetensors")
    drop_head(scoped, "topic")
    assert scoped.scopes == {}
    scoped.save_pretrained(tmp_path / "without")
    assert not (tmp_path / "without" / SCOPE).exists()
    add_heads(scoped, [load_head(tmp_path / "topic.safetensors")])
    rename_head(scoped, "topic", "subject")
    assert list(scoped.scopes) == ["subject"]
    scoped.save_pretrained(tmp_path / "with")
    loaded = PolyheadModel.from_pretrained(tmp_path / "with")
    assert loaded.predict([*TEXTS, "zebra!"], tasks=["subject"], abstain=True)["subject"] == expected


def test_a_head_with_training_rows_is_held_to_the_embedding_that_they_read(make_model, all_tasks):
    tasks = [dataclasses.replace(all_tasks()[0], head_input="pooled")]
    model, other = make_model(tasks, projection_dim=8), make_model([], projection_dim=8)
    other.load_state_dict(model.state_dict(), strict=False)
    other.polyhead.projection.weight.data.add_(1.0)
    add_heads(other, take_heads(model, ["topic"]))  # reads the pooled vector alone
    drop_head(other, "topic")
    model.config.tasks = [dataclasses.replace(tasks[0], max_out_of_scope=2.0)]
    with pytest.raises(ValueError, match=r"they differ in polyhead.projection.weight"):
        add_heads(other, take_heads(model, ["topic"]))


def test_an_exported_model_answers_alike(scoped, tmp_path):
    export_onnx(scoped, tmp_path / "exported")
    exported = OnnxPolyhead.from_pretrained(tmp_path / "exported", num_threads=1)
    for told, expected in zip(answers(exported), answers(scoped), strict=True):
        assert (told["label"], told["reason"]) == (expected["label"], expected["reason"])
        assert told["out_of_scope"] == pytest.approx(expected["out_of_scope"], rel=1e-5, abs=1e-5)
        assert told["scores"] == pytest.approx(expected["scores"], abs=1e-5)
    (tmp_path / "exported" / SCOPE).unlink()
    with pytest.raises(ValueError, match="by which topic tells what is out of scope"):
        OnnxPolyhead.from_pretrained(tmp_path / "exported")


READ = """
import json, sys
from polyhead import OnnxPolyhead
model = OnnxPolyhead.from_pretrained("me/model")
print(json.dumps([answer["reason"] for answer in model.predict(sys.argv[1:], tasks=["topic"], abstain=True)["topic"]]))
"""


def test_training_rows_are_pushed_and_fetched_with_the_graph_and_that_is_told(scoped, hub, client, polyhead, tmp_path):
    result = polyhead("push", tmp_path / "model", "me/model", "--private", "--onnx")
    assert result.exit_code == 0, result.output
    assert f"{SCOPE} holds embeddings of training rows" in result.stderr
    command = [sys.executable, "-c", READ, *TEXTS, "zebra!"]
    done = subprocess.run(command, env=hub.environment(tmp_path / "home"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [answer["reason"] for answer in answers(scoped)]
