"""Answers that are withheld, and those that are not."""

import dataclasses

import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig

TEXTS = ["the cat", "a dog!", "the dog, the cat"]
ABLE = ("topic", "toxic", "grade")


@pytest.fixture
def unsure(tiny_model):
    """A model whose every threshold lies between the scores of its first two answers."""

    def _set(threshold):
        tiny_model.config.tasks = [
            dataclasses.replace(task, min_confidence=threshold) if task.name in (*ABLE, "entails") else task
            for task in tiny_model.config.tasks
        ]
        return tiny_model

    return _set


@pytest.mark.parametrize("name", ABLE)
def test_answers_below_the_least_score_have_no_label_but_their_scores(unsure, name):
    plain = unsure(0.0).predict(TEXTS, tasks=[name])[name]
    ranked = sorted(answer["score"] for answer in plain)
    found = unsure((ranked[0] + ranked[1]) / 2).predict(TEXTS, tasks=[name], abstain=True)[name]
    for before, after in zip(plain, found, strict=True):
        is_withheld = before["score"] == ranked[0]
        assert after["label"] == (None if is_withheld else before["label"])
        assert after["reason"] == ("low confidence" if is_withheld else None)
        assert (after["score"], after["scores"]) == (before["score"], before["scores"])
    assert unsure(0.999).predict(TEXTS, tasks=[name])[name] == plain


def test_pairs_abstain_and_a_single_text_is_answered_without_lists(unsure):
    found = unsure(1.0).predict(("the cat", "a dog!"), tasks=["entails"], abstain=True)["entails"]
    assert found["label"] is None
    assert found["reason"] == "low confidence"
    assert unsure(0.0).predict("the cat", tasks=["topic"], abstain=True)["topic"]["label"] is not None


def test_tasks_that_cannot_abstain_answer_as_ever_beside_those_that_can(unsure):
    model = unsure(1.0)
    names = ["topic", "tags", "affect", "slots"]
    plain, found = model.predict(TEXTS, tasks=names), model.predict(TEXTS, tasks=names, abstain=True)
    assert [found[name] == plain[name] for name in names] == [False, True, True, True]


def test_a_model_that_was_not_calibrated_for_it_says_how(tiny_model):
    with pytest.raises(ValueError, match=r"withhold the answers of topic, toxic, grade. Run `polyhead calibrate DIR"):
        tiny_model.predict(TEXTS, abstain=True)
    with pytest.raises(ValueError, match=r"withheld: tags \(multi_label_classification\), affect \(regression\)"):
        tiny_model.predict(TEXTS, tasks=["tags", "affect"], abstain=True)


def test_unreadable_texts_stay_flagged(unsure):
    found = unsure(1.0).predict(["the cat", " "], tasks=["topic"], on_bad="flag", abstain=True)["topic"]
    assert found[0]["reason"] == "low confidence"
    assert "error" in found[1]


def test_a_score_that_is_no_probability_is_no_threshold():
    with pytest.raises(ValueError, match=r"'min_confidence': 1.5 is compared with probabilities"):
        TaskConfig(name="pet", kind="single_label_classification", min_confidence=1.5)
    with pytest.raises(ValueError, match="'min_confidence': multi_label_classification does not read it"):
        TaskConfig(name="pet", kind="multi_label_classification", min_confidence=0.5)
