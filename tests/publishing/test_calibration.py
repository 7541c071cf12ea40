"""Calibration on labels drawn from known probabilities: what was distorted is found again."""

import dataclasses
import json

import numpy as np
import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.decoding_polyhead import label_probabilities
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.publishing.calibrate import calibrate_model, store_calibration
from polyhead.publishing.calibration import calibrate_task, fit_temperature, fit_thresholds
from polyhead.publishing.calibration_error import brier_score, confidences, expected_calibration_error, log_loss
from polyhead.publishing.labelled_answers import labelled_answers
from polyhead.publishing.verification import verify_folder
from polyhead.training.data.examples import MultiTaskDataset

LABELS = {
    "single_label_classification": ["a", "b", "c"],
    "binary_classification": ["no", "yes"],
    "multi_label_classification": ["a", "b", "c"],
    "ordinal_regression": ["low", "mid", "high"],
    "pair_classification": ["a", "b"],
    "token_classification": ["O", "B-x", "I-x"],
}


def task(kind, **fields):
    return TaskConfig(name="task", kind=kind, labels=LABELS[kind], **fields)


def drawn(of, items=4000):
    """Return logits whose probabilities hold, and labels drawn from these."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(items, of.num_logits)).astype(np.float32) * 2
    probabilities = label_probabilities(of, logits)
    if of.kind == "multi_label_classification":
        return logits, (generator.random(probabilities.shape) < probabilities).astype(float)
    cumulated = probabilities.cumsum(axis=1)
    return logits, (generator.random((items, 1)) > cumulated[:, :-1]).sum(axis=1)


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("distortion", [0.4, 1.0, 3.0])
def test_temperature_undoes_what_made_logits_too_large_or_small(kind, distortion):
    logits, labels = drawn(task(kind))
    found = calibrate_task(task(kind), logits * distortion, labels)
    assert found.task.temperature == pytest.approx(distortion, rel=0.1)
    assert found.items == 4000
    assert found.ece_after < 0.03
    assert found.brier_after <= found.brier_before + 1e-3
    if distortion != 1:
        assert found.ece_after < found.ece_before / 2
        assert found.brier_after < found.brier_before
    assert fit_temperature(task(kind), logits * distortion, labels) == pytest.approx(found.task.temperature)


def test_an_old_temperature_is_replaced_not_multiplied():
    logits, labels = drawn(task("single_label_classification"))
    found = calibrate_task(task("single_label_classification", temperature=7.0), logits * 2, labels)
    assert found.task.temperature == pytest.approx(2.0, rel=0.1)
    assert found.ece_before == calibrate_task(task("single_label_classification"), logits * 2, labels).ece_before
    assert found.ece_before > found.ece_after


def test_errors_after_are_of_rows_that_were_not_fitted_on(monkeypatch):
    logits, labels = drawn(task("single_label_classification"), items=100)
    seen = []

    def remember(of, some_logits, some_labels):
        seen.append(some_logits)
        return float(len(seen))

    monkeypatch.setattr("polyhead.publishing.calibration.fit_temperature", remember)
    found = calibrate_task(task("single_label_classification"), logits, labels)
    assert [len(fitted) for fitted in seen] == [80] * 5 + [100]
    expected = np.empty((100, 3))
    for fold in range(5):
        held_out = slice(fold, None, 5)
        assert not (seen[fold][:, None] == logits[held_out]).all(-1).any()
        expected[held_out] = label_probabilities(
            task("single_label_classification", temperature=fold + 1), logits[held_out]
        )
    assert found.brier_after == pytest.approx(brier_score(expected, labels))
    assert found.task.temperature == 6.0


def test_calibration_error_by_hand():
    # Two bins: 0.95 twice, right once (distance 0.45); 0.5 twice, right both times (distance 0.5).
    assert expected_calibration_error(np.array([0.95, 0.95, 0.5, 0.5]), np.array([1, 0, 1, 1])) == pytest.approx(0.475)
    assert expected_calibration_error(np.array([1.0, 0.0]), np.array([1, 0])) == 0


def test_brier_score_and_log_loss_by_hand():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    labels = np.array([0, 1])
    assert brier_score(probabilities, labels) == pytest.approx((0.09 + 0.04 + 0.01 + 0.01 + 0.81 + 0.64) / 2)
    assert log_loss(probabilities, labels) == pytest.approx(-(np.log(0.7) + np.log(0.1)) / 2)
    several = np.array([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    assert brier_score(probabilities, several) == pytest.approx((0.49 + 0.64 + 0.81 + 0.01 + 0.01 + 0.04) / 6)
    assert log_loss(probabilities[:1], several[:1]) == pytest.approx(-np.log([0.3, 0.2, 0.1]).mean())
    assert confidences(probabilities, labels)[0].tolist() == [0.7, 0.8]
    assert confidences(probabilities, labels)[1].tolist() == [1, 0]
    assert confidences(probabilities, several)[0].tolist() == probabilities.ravel().tolist()


def test_threshold_is_where_f1_is_best():
    # Ranked: 0.9 yes, 0.8 yes, 0.6 no, 0.4 yes, 0.3 no, 0.2 no, 0.15 yes, 0.1 yes: F1 4/7, 2*3/9 at 0.4, 2*5/13 at the end.
    probabilities = np.array([0.9, 0.8, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1])
    labels = np.array([1, 1, 0, 1, 0, 0, 1, 1])
    both = np.stack([1 - probabilities, probabilities], axis=1)
    assert fit_thresholds(task("binary_classification"), both, labels) == [0.05]
    columns = np.stack([probabilities, probabilities, probabilities], axis=1)
    truth = np.stack([np.array([1, 1, 1, 1, 1, 0, 0, 0]), np.zeros(8), labels], axis=1)
    found = fit_thresholds(task("multi_label_classification", thresholds=[0.7]), columns, truth)
    assert found == [0.25, 0.7, 0.05]
    assert fit_thresholds(task("single_label_classification"), columns, labels) is None


def test_threshold_never_lies_between_equal_probabilities():
    probabilities = np.array([0.9, 0.5, 0.5, 0.5, 0.5, 0.5, 0.1])
    labels = np.array([1, 1, 1, 1, 1, 0, 0])
    both = np.stack([1 - probabilities, probabilities], axis=1)
    assert fit_thresholds(task("binary_classification"), both, labels) == [0.3]


def test_too_few_rows_are_refused():
    logits, labels = drawn(task("single_label_classification"), items=29)
    with pytest.raises(ValueError, match=r"task 'task' has 29 labelled items; calibration needs 30"):
        calibrate_task(task("single_label_classification"), logits, labels)


TEXTS = ["the cat", "a dog!", "the dog, the cat", "cat", "dog dog"]


@pytest.fixture
def model(make_model, all_tasks):
    tasks = [t for t in all_tasks() if t.name in ("topic", "toxic", "tags", "affect", "slots", "grade")]
    return make_model(tasks)


@pytest.fixture
def dataset(model):
    labels = [
        {"topic": 0, "toxic": 1, "tags": [1.0, 0.0, 0.0], "affect": [1.0, 2.0], "grade": 2},
        {"topic": 1, "toxic": 0, "tags": [0.0, 1.0, 1.0], "grade": 1},
        {"toxic": 1},
    ]
    rows = [{"text": TEXTS[n % 5], "labels": labels[n % 3]} for n in range(120)]
    words = [{"words": ["the", "cat"], "labels": {"slots": [0, 1]}} for _ in range(20)]
    return MultiTaskDataset({"rows": rows, "words": words}, model.config.tasks, model.tokenizer, 40)


def test_every_labelled_row_and_word_counts_once(model, dataset):
    found = labelled_answers(model, dataset)
    assert {name: rows.logits.shape for name, rows in found.items()} == {
        **{"topic": (80, 3), "toxic": (120, 1), "tags": (80, 3), "grade": (80, 2), "slots": (40, 5)}
    }
    expected = model(**model.tokenizer(["the cat"], return_tensors="pt")).logits["slots"][0, 1:3].detach().numpy()
    assert np.allclose(found["slots"][0][:2], expected, atol=1e-5)
    assert found["slots"][1].tolist() == [0, 1] * 20
    assert sorted(found["toxic"][1].tolist()) == [0] * 40 + [1] * 80


def test_calibrated_model_answers_with_its_temperature_wherever_it_is_loaded(model, dataset, tmp_path):
    model.save_pretrained(tmp_path)
    before = model.predict(TEXTS)
    logits = model(**model.tokenizer(TEXTS[:1], return_tensors="pt")).logits["topic"][0].detach().numpy()
    found = calibrate_model(model, dataset)
    store_calibration(tmp_path, model, found, "rows", "validation")

    loaded = PolyheadModel.from_pretrained(tmp_path)
    assert loaded.predict(TEXTS) == model.predict(TEXTS)
    assert [item.task.name for item in found] == ["topic", "toxic", "tags", "grade", "slots"]
    temperature = loaded.config.task("topic").temperature
    scaled = np.exp(logits / temperature) / np.exp(logits / temperature).sum()
    told = loaded.predict(TEXTS[:1])["topic"][0]["scores"]
    assert np.allclose(list(told.values()), scaled, atol=1e-5)
    assert told != before["topic"][0]["scores"]
    assert loaded.predict(TEXTS)["affect"] == before["affect"]
    assert not verify_folder(tmp_path).problems
    stored = json.loads((tmp_path / "config.json").read_text())["polyhead"]["results"]
    assert {
        "task": "topic",
        "dataset": "rows",
        "split": "validation",
        "metric": "ece",
        "value": found[0].ece_after,
    } in stored
    assert "| `topic` | rows | validation | ece |" in (tmp_path / "README.md").read_text()


def test_scores_of_old_thresholds_are_dropped_and_the_others_kept(model, dataset, tmp_path):
    scores = [{"task": n, "metric": "f1", "value": 0.5, "dataset": "d", "split": "test"} for n in ("topic", "tags")]
    model.config.results = scores
    model.save_pretrained(tmp_path)
    store_calibration(tmp_path, model, calibrate_model(model, dataset, ["topic", "tags"]), "rows", "validation")
    stored = json.loads((tmp_path / "config.json").read_text())["polyhead"]["results"]
    assert [(row["task"], row["metric"]) for row in stored] == [
        *(("topic", "f1"), ("topic", "ece"), ("topic", "brier"), ("tags", "ece"), ("tags", "brier"))
    ]


def test_tasks_that_cannot_be_calibrated_are_named(model, dataset):
    with pytest.raises(ValueError, match="'affect' answers with numbers"):
        calibrate_model(model, dataset, ["affect"])
    with pytest.raises(ValueError, match="no task 'x'"):
        calibrate_model(model, dataset, ["x"])
    few = MultiTaskDataset({"d": dataset.rows[2:3]}, model.config.tasks, model.tokenizer, 40)
    with pytest.raises(ValueError, match="'topic' has no label in this split"):
        calibrate_model(model, few, ["topic"])
    unlabelled = dataclasses.replace(model.config.task("affect"))
    none = MultiTaskDataset({"d": [{"text": "a", "labels": {}}]}, [unlabelled], model.tokenizer, 40)
    with pytest.raises(ValueError, match="no task that answers with labels"):
        calibrate_model(model, none)
