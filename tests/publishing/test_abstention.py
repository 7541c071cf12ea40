"""The score from which on a task answers, chosen on rows whose scores are known."""

import numpy as np
import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.publishing.abstention import Target, fit_abstention
from polyhead.publishing.calibrate import calibrate_model, store_calibration
from polyhead.publishing.verification import verify_folder
from polyhead.training.data.examples import MultiTaskDataset

PET = TaskConfig(name="pet", kind="single_label_classification", labels=["cat", "dog"])
TEXTS = ["the cat", "a dog!", "the dog, the cat", "cat", "dog dog"]


def rows_with(scores, right):
    """Logits whose likeliest label has these scores, on both halves, and labels that make these right."""
    scores, right = np.repeat(scores, 2), np.repeat(right, 2)
    logits = np.stack([np.log(scores), np.log(1 - scores)], axis=1)
    return logits, np.where(right, 0, 1)


def test_coverage_is_what_was_asked_for_and_told_of_the_other_rows():
    # 99 scores to fit on, 0.501 to 0.599; of 100 with a new one, 10 may be lower: the tenth lowest is the least.
    scores = np.arange(501, 600) / 1000
    logits, labels = rows_with(scores, scores > 0.52)
    found = fit_abstention(PET, logits, labels, Target(coverage=0.9))
    assert found.min_confidence == pytest.approx(0.510, abs=2e-6)
    assert found.coverage == pytest.approx(90 / 99)
    assert found.precision == pytest.approx(79 / 90)
    assert found.accuracy == pytest.approx(79 / 99)
    assert fit_abstention(PET, logits, labels, Target(coverage=1.0)).min_confidence == 0


def test_precision_is_reached_with_as_many_answers_as_can_be_given():
    # From the top: 60 right, then by turns wrong and right, so k wrong ones among 60 + 2k. 95 % holds last at k = 3.
    scores = np.linspace(0.99, 0.51, 100)
    logits, labels = rows_with(scores, np.array([True] * 60 + [False, True] * 20))
    found = fit_abstention(PET, logits, labels, Target(precision=0.95))
    assert found.min_confidence == pytest.approx(scores[65], abs=2e-6)
    assert found.coverage == pytest.approx(0.66)
    assert found.precision == pytest.approx(63 / 66)
    assert fit_abstention(PET, logits, labels, Target(precision=0.5)).min_confidence == 0
    with pytest.raises(ValueError, match=r"no threshold gives a precision of 0.95 on 100 rows; the best .* is 0.000"):
        fit_abstention(PET, logits, 1 - np.zeros_like(labels), Target(precision=0.95))


def test_rows_that_are_told_of_were_not_fitted_on():
    logits, labels = rows_with(np.linspace(0.99, 0.51, 100), np.ones(100, dtype=bool))
    labels[1::2] = 1  # all of the other half are wrong, which the threshold must not see
    found = fit_abstention(PET, logits, labels, Target(precision=0.95))
    assert (found.min_confidence, found.precision) == (0, 0)


def test_equal_scores_are_answered_together_or_not_at_all():
    logits, labels = rows_with(np.array([0.9] * 30 + [0.7] * 30), np.array([True] * 45 + [False] * 15))
    found = fit_abstention(PET, logits, labels, Target(precision=0.8))
    assert found.min_confidence == pytest.approx(0.9, abs=2e-6)


def test_binary_answers_are_as_sure_as_the_label_they_give():
    # The positive label is answered from 0.2 on, so that its scores are the lowest, and right.
    task = TaskConfig(name="toxic", kind="binary_classification", labels=["no", "yes"], thresholds=[0.2])
    positive = np.repeat(np.concatenate([np.linspace(0.3, 0.35, 40), np.linspace(0.01, 0.1, 40)]), 2)
    logits = np.log(positive / (1 - positive)).reshape(-1, 1)
    found = fit_abstention(task, logits, np.repeat([1, 0], 80), Target(coverage=0.5))
    assert found.min_confidence > 0.35 or found.min_confidence == pytest.approx(0.35, abs=2e-6)
    assert found.accuracy == 1


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({}, "give one of them"),
        ({"coverage": 0.9, "precision": 0.9}, "give one of them"),
        ({"coverage": 0.0}, "coverage 0.0 is a share"),
        ({"coverage": 1.1}, "coverage 1.1 is a share"),
        ({"precision": 1.0}, "precision 1.0 is a share"),
        ({"precision": float("nan")}, "precision nan is a share"),
    ],
)
def test_targets_that_cannot_be_meant_are_refused(target, message):
    with pytest.raises(ValueError, match=message):
        Target(**target)


@pytest.fixture
def model(make_model, all_tasks):
    return make_model([task for task in all_tasks() if task.name in ("topic", "tags", "grade", "slots")])


@pytest.fixture
def dataset(model):
    labels = [{"topic": 0, "tags": [1.0, 0.0, 0.0], "grade": 2}, {"topic": 1, "tags": [0.0, 1.0, 1.0], "grade": 1}]
    rows = [{"text": TEXTS[n % 5], "labels": labels[n % 2]} for n in range(120)]
    words = [{"words": ["the", "cat"], "labels": {"slots": [0, 1]}} for _ in range(40)]
    return MultiTaskDataset({"rows": rows, "words": words}, model.config.tasks, model.tokenizer, 40)


def test_thresholds_are_kept_in_the_model_until_it_is_calibrated_again(model, dataset, tmp_path):
    model.save_pretrained(tmp_path)
    found = calibrate_model(model, dataset, target=Target(coverage=0.9))
    assert [item.task.name for item in found if item.abstention] == ["topic", "grade"]
    store_calibration(tmp_path, model, found, "rows", "validation")
    loaded = PolyheadModel.from_pretrained(tmp_path)
    assert loaded.config.task("topic").min_confidence == found[0].abstention.min_confidence > 0
    assert loaded.config.task("tags").min_confidence is None
    assert not verify_folder(tmp_path).problems
    calibrate_model(loaded, dataset, ["topic"])
    assert loaded.config.task("topic").min_confidence is None
    assert loaded.config.task("grade").min_confidence > 0


def test_tasks_without_one_answer_to_withhold_are_named(model, dataset):
    for name in ("tags", "slots"):
        with pytest.raises(ValueError, match=f"task '{name}' cannot abstain: .*leave it out of --tasks"):
            calibrate_model(model, dataset, ["topic", name], Target(coverage=0.9))
    few = MultiTaskDataset({"d": dataset.rows[:58]}, model.config.tasks, model.tokenizer, 40)
    with pytest.raises(ValueError, match="task 'topic' has 58 labelled rows; abstention needs 60"):
        calibrate_model(model, few, ["topic"], Target(coverage=0.9))
    only = [task for task in model.config.tasks if task.name == "tags"]
    tagged = MultiTaskDataset({"d": dataset.rows[:120]}, only, model.tokenizer, 40)
    model.config.tasks = only
    with pytest.raises(ValueError, match=r"none of \['tags'\] can abstain"):
        calibrate_model(model, tagged, target=Target(coverage=0.9))
