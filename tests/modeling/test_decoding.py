import math

import numpy as np
import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.batching_polyhead import TokenizedText
from polyhead.modeling.decoding_polyhead import decode, label_probabilities, tag_spans, unscale

LN = math.log


def array(numbers):
    return np.array(numbers, dtype=np.float32)


def random_logits(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def logit(probability):
    return LN(probability / (1 - probability))


def answer(kind, logits, labels=None, **fields):
    """What one row of logits becomes."""
    task = TaskConfig(name="task", kind=kind, labels=labels, **fields)
    (decoded,) = decode(task, array([logits]), ["text"], [None], [[]])
    return decoded


def entities(tags, text, offsets, spans, labels=("O", "B-pet", "I-pet", "B-toy", "I-toy")):
    """Entities where each token says its tag with a probability of three quarters."""
    probabilities = np.full((len(tags), len(labels)), 0.25 / (len(labels) - 1), dtype=np.float32)
    for position, tag in enumerate(tags):
        probabilities[position, labels.index(tag)] = 0.75
    task = TaskConfig(name="task", kind="token_classification", labels=labels)
    tokens = TokenizedText({"input_ids": [0] * len(tags)}, offsets, False)
    (decoded,) = decode(task, np.log(probabilities)[None], [text], [tokens], [spans])
    return [(found["label"], found["start"], found["end"], found["text"]) for found in decoded["entities"]]


def test_single_label_answers_with_the_likeliest_label():
    decoded = answer("single_label_classification", [LN(0.2), LN(0.5), LN(0.3)], ["a", "b", "c"])
    assert decoded["label"] == "b"
    assert decoded["score"] == pytest.approx(0.5)
    assert decoded["scores"] == pytest.approx({"a": 0.2, "b": 0.5, "c": 0.3})


@pytest.mark.parametrize(
    ("thresholds", "label", "score"), [(None, "no", 0.6), ([0.3], "yes", 0.4), ([0.4], "yes", 0.4)]
)
def test_binary_answers_yes_from_its_threshold_on(thresholds, label, score):
    decoded = answer("binary_classification", [logit(0.4 + 1e-6)], ["no", "yes"], thresholds=thresholds)
    assert decoded["label"] == label
    assert decoded["score"] == pytest.approx(score, abs=1e-5)
    assert decoded["scores"] == pytest.approx({"no": 0.6, "yes": 0.4}, abs=1e-5)


@pytest.mark.parametrize(
    ("thresholds", "labels"), [(None, ["z"]), ([0.3], ["y", "z"]), ([0.1, 0.5, 0.95], ["x"]), ([1.0], [])]
)
def test_multi_label_answers_with_every_label_above_its_threshold(thresholds, labels):
    logits = [logit(0.2), logit(0.4), logit(0.9)]
    decoded = answer("multi_label_classification", logits, ["x", "y", "z"], thresholds=thresholds)
    assert decoded["labels"] == labels
    assert decoded["scores"] == pytest.approx({"x": 0.2, "y": 0.4, "z": 0.9})


def test_regression_answers_in_the_unit_of_the_data():
    assert answer("regression", [0.5], target_mean=[10.0], target_scale=[4.0]) == {"value": 12.0}
    fields = {"labels": ["v", "w"], "target_mean": [1.0, 2.0], "target_scale": [2.0, 10.0]}
    assert answer("regression", [3.0, -1.0], **fields) == {"values": {"v": 7.0, "w": -8.0}}
    assert answer("regression", [3.0, -1.0], labels=["v", "w"]) == {"values": {"v": 3.0, "w": -1.0}}


def test_ordinal_answers_with_the_likeliest_rank_and_the_mean_rank():
    decoded = answer("ordinal_regression", [logit(0.8), logit(0.75)], ["low", "mid", "high"])
    # Above low: 0.8; above mid: 0.8 * 0.75 = 0.6.
    assert decoded["label"] == "high"
    assert decoded["scores"] == pytest.approx({"low": 0.2, "mid": 0.2, "high": 0.6})
    assert decoded["value"] == pytest.approx(0 * 0.2 + 1 * 0.2 + 2 * 0.6)


def test_pair_tasks_answer_with_a_cosine_or_a_label():
    task = TaskConfig(name="task", kind="pair_similarity")
    assert decode(task, array([0.25, -1.0]), ["a", "b"], [None] * 2, [[]] * 2) == [
        {"value": 0.25},
        {"value": -1},
    ]
    assert answer("pair_classification", [LN(0.9), LN(0.1)], ["same", "other"])["label"] == "same"


def test_probabilities_of_one_label_sum_to_one():
    for kind, width in (("single_label_classification", 3), ("ordinal_regression", 2), ("pair_classification", 3)):
        task = TaskConfig(name="task", kind=kind, labels=["a", "b", "c"])
        np.testing.assert_allclose(label_probabilities(task, random_logits(5, width)).sum(-1), np.ones(5), rtol=1e-6)
    binary = TaskConfig(name="task", kind="binary_classification", labels=["a", "b"])
    np.testing.assert_allclose(label_probabilities(binary, random_logits(5, 1)).sum(-1), np.ones(5), rtol=1e-6)


@pytest.mark.parametrize("kind", ["binary_classification", "multi_label_classification", "ordinal_regression"])
def test_logits_however_large_give_probabilities_without_a_warning(kind):
    task = TaskConfig(name="task", kind=kind, labels=["a", "b"])
    width = 2 if kind == "multi_label_classification" else 1
    assert label_probabilities(task, np.full((1, width), -1e4, dtype=np.float32)).tolist()[0][-1] == 0
    assert label_probabilities(task, np.full((1, width), 1e4, dtype=np.float32)).tolist()[0][-1] == 1


def test_unscaling_undoes_the_standardisation():
    task = TaskConfig(name="task", kind="regression", labels=["v", "w"], target_mean=[1, 2], target_scale=[3, 4])
    assert unscale(task, array([[1.0, -1.0]])).tolist() == [[4.0, -2.0]]


# "ab cd ef": one token a word between two special ones.
OFFSETS, SPANS = [(0, 0), (0, 2), (3, 5), (6, 8), (0, 0)], [(0, 2), (3, 5), (6, 8)]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["O", "O", "O"], []),
        (["B-pet", "I-pet", "O"], [("pet", 0, 5, "ab cd")]),
        (["B-pet", "B-pet", "I-pet"], [("pet", 0, 2, "ab"), ("pet", 3, 8, "cd ef")]),
        (["B-pet", "B-toy", "I-toy"], [("pet", 0, 2, "ab"), ("toy", 3, 8, "cd ef")]),
    ],
)
def test_tags_become_entities(tags, expected):
    assert entities(["B-toy", *tags, "B-toy"], "ab cd ef", OFFSETS, SPANS) == expected


def test_an_entity_may_begin_with_i_where_its_kind_has_no_b():
    labels = ("O", "I-pet", "I-toy")
    found = entities(["O", "I-pet", "I-toy", "I-toy", "O"], "ab cd ef", OFFSETS, SPANS, labels)
    assert found == [("pet", 0, 2, "ab"), ("toy", 3, 8, "cd ef")]


def test_special_tokens_and_later_pieces_have_no_say():
    # "abc d": ab, ##c, d. The second piece says otherwise and is not asked.
    offsets = [(0, 0), (0, 2), (2, 3), (4, 5), (0, 0)]
    assert entities(["B-toy", "B-pet", "B-toy", "O", "B-toy"], "abc d", offsets, [(0, 3), (4, 5)]) == [
        ("pet", 0, 3, "abc")
    ]


def test_words_that_share_one_token_are_one_entity():
    # One token for all of `it's`, which falls into three words.
    assert entities(["O", "B-pet", "O"], "it's", [(0, 0), (0, 4), (0, 0)], [(0, 2), (2, 3), (3, 4)]) == [
        ("pet", 0, 4, "it's")
    ]


def test_a_word_that_was_cut_off_is_outside():
    assert entities(["O", "B-pet", "O"], "ab cd", [(0, 0), (0, 2), (0, 0)], [(0, 2), (3, 5)]) == [("pet", 0, 2, "ab")]
    tokens = TokenizedText({"input_ids": [0]}, [(0, 2)], True)
    assert tag_spans(array([[0.1, 0.9]]), ["O", "B-pet"], tokens, [(0, 2), (3, 5)])[1] == (-1, 0.0)


def test_an_entitys_score_is_the_mean_over_its_words():
    task = TaskConfig(name="task", kind="token_classification", labels=["O", "B-pet", "I-pet"])
    probabilities = array([[0.1, 0.9, 1e-9], [0.2, 0.2, 0.6]])
    tokens = TokenizedText({"input_ids": [0, 0]}, [(0, 2), (3, 5)], False)
    (decoded,) = decode(task, np.log(probabilities)[None], ["ab cd"], [tokens], [[(0, 2), (3, 5)]])
    assert decoded["entities"][0]["score"] == pytest.approx((0.9 + 0.6) / 2)
