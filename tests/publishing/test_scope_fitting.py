"""Statistics of training rows: fitted, kept with the model, moved with its head, exported."""

import dataclasses

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
from polyhead.publishing.scope_fitting import fit_scope
from polyhead.publishing.trained_head import load_head, save_head, take_heads
from polyhead.publishing.verification import verify_folder
from polyhead.training.data.examples import MultiTaskDataset

PET = TaskConfig(name="pet", kind="single_label_classification", labels=["cat", "dog"])
TEXTS = ["the cat", "a dog!", "the dog, the cat", "cat", "dog dog"]


def test_training_rows_lie_at_a_mean_distance_of_one_to_their_class():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, size=5000)
    centres = np.array([[9, 0, 0, 1], [0, 9, 0, 1], [0, 0, 9, 1]])
    embeddings = centres[labels] + generator.normal(size=(5000, 4)) * [0.2, 0.2, 0.2, 2.0]
    scope = fit_scope("pet", embeddings, labels, 3)
    distances = scope.distances(embeddings)
    assert distances[np.arange(5000), labels].mean() == pytest.approx(1, rel=0.02)
    # Twice as long is the same direction; between two classes is far from both.
    assert np.allclose(scope.distances(2 * embeddings[:5]), distances[:5])
    assert scope.distances(np.array([[9.0, 9, 0, 1]])).min() > 50


def test_a_class_without_rows_takes_the_mean_of_all_and_few_rows_are_refused():
    embeddings, labels = np.random.default_rng(0).normal(size=(40, 3)), np.repeat([0, 2], 20)
    scope = fit_scope("pet", embeddings, labels, 3)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    assert scope.means[1] == pytest.approx(unit.mean(axis=0) @ scope.whitening, abs=1e-4)
    with pytest.raises(ValueError, match=r"task 'pet' has 29 training rows in this recipe; .* from 30 on"):
        fit_scope("pet", embeddings[:29], labels[:29], 3)


def test_half_of_what_may_be_withheld_goes_as_out_of_scope():
    # 99 rows to fit on: of 100 with a new one 5 may be stranger (score 0.95 or more), and 5 of the others less sure.
    score, far = np.linspace(0.51, 0.99, 99), np.roll(np.arange(99) / 100, 50)
    score, far = np.repeat(score, 2), np.repeat(far, 2)
    logits = np.stack([np.log(score), np.log(1 - score)], axis=1)
    found = fit_abstention(PET, logits, np.zeros(198, dtype=int), Target(coverage=0.9), lambda _: far)
    assert found.max_out_of_scope == pytest.approx(0.94, abs=2e-6)
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


def test_calibrating_again_without_a_target_removes_the_statistics(scoped, dataset, tmp_path):
    found = calibrate_model(scoped, dataset)
    store_calibration(tmp_path / "model", scoped, found, "rows", "validation")
    assert not (tmp_path / "model" / SCOPE).exists()
    assert not verify_folder(tmp_path / "model").problems
    with pytest.raises(ValueError, match="nothing says when"):
        answers(PolyheadModel.from_pretrained(tmp_path / "model"))


def test_statistics_move_with_their_head(scoped, tmp_path):
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


def test_a_head_with_statistics_is_held_to_the_embedding_that_they_read(make_model, all_tasks):
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
