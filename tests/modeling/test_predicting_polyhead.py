import math

import numpy as np
import pytest
import torch

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.predicting_polyhead import decode, label_probabilities, tag_spans, unscale
from polyhead.modeling.tokenizing_polyhead import TokenizedText

LN = math.log
TEXT = "The cat sat, a dog ran!"


def logit(probability):
    return LN(probability / (1 - probability))


def answer(kind, logits, labels=None, **fields):
    """What one row of logits becomes."""
    task = TaskConfig(name="task", kind=kind, labels=labels, **fields)
    (decoded,) = decode(task, torch.tensor([logits]), ["text"], [None], [[]])
    return decoded


def entities(tags, text, offsets, spans, labels=("O", "B-pet", "I-pet", "B-toy", "I-toy")):
    """Entities where each token says its tag with a probability of three quarters."""
    probabilities = torch.full((len(tags), len(labels)), 0.25 / (len(labels) - 1))
    for position, tag in enumerate(tags):
        probabilities[position, labels.index(tag)] = 0.75
    task = TaskConfig(name="task", kind="token_classification", labels=labels)
    tokens = TokenizedText({"input_ids": [0] * len(tags)}, offsets, False)
    (decoded,) = decode(task, probabilities.log()[None], [text], [tokens], [spans])
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
    assert decode(task, torch.tensor([0.25, -1.0]), ["a", "b"], [None] * 2, [[]] * 2) == [
        {"value": 0.25},
        {"value": -1},
    ]
    assert answer("pair_classification", [LN(0.9), LN(0.1)], ["same", "other"])["label"] == "same"


def test_probabilities_of_one_label_sum_to_one():
    for kind, width in (("single_label_classification", 3), ("ordinal_regression", 2), ("pair_classification", 3)):
        task = TaskConfig(name="task", kind=kind, labels=["a", "b", "c"])
        torch.testing.assert_close(label_probabilities(task, torch.randn(5, width)).sum(-1), torch.ones(5))
    binary = TaskConfig(name="task", kind="binary_classification", labels=["a", "b"])
    torch.testing.assert_close(label_probabilities(binary, torch.randn(5, 1)).sum(-1), torch.ones(5))


def test_unscaling_undoes_the_standardisation():
    task = TaskConfig(name="task", kind="regression", labels=["v", "w"], target_mean=[1, 2], target_scale=[3, 4])
    assert unscale(task, torch.tensor([[1.0, -1.0]])).tolist() == [[4.0, -2.0]]


# "ab cd ef": one token a word between two special ones.
OFFSETS, SPANS = [(0, 0), (0, 2), (3, 5), (6, 8), (0, 0)], [(0, 2), (3, 5), (6, 8)]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["O", "O", "O"], []),
        (["B-pet", "I-pet", "O"], [("pet", 0, 5, "ab cd")]),
        (["B-pet", "B-pet", "I-pet"], [("pet", 0, 2, "ab"), ("pet", 3, 8, "cd ef")]),
        (["B-pet", "I-toy", "O"], [("pet", 0, 2, "ab"), ("toy", 3, 5, "cd")]),
        (["O", "I-pet", "I-pet"], [("pet", 3, 8, "cd ef")]),  # a missing B- is forgiven
        (["I-pet", "O", "I-pet"], [("pet", 0, 2, "ab"), ("pet", 6, 8, "ef")]),
    ],
)
def test_tags_become_entities(tags, expected):
    assert entities(["B-toy", *tags, "B-toy"], "ab cd ef", OFFSETS, SPANS) == expected


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
    assert tag_spans(torch.tensor([[0.1, 0.9]]), tokens, [(0, 2), (3, 5)])[1] == (-1, 0.0)


def test_an_entitys_score_is_the_mean_over_its_words():
    task = TaskConfig(name="task", kind="token_classification", labels=["O", "B-pet", "I-pet"])
    probabilities = torch.tensor([[0.1, 0.9, 0.0], [0.2, 0.2, 0.6]]).clamp(min=1e-9)
    tokens = TokenizedText({"input_ids": [0, 0]}, [(0, 2), (3, 5)], False)
    (decoded,) = decode(task, probabilities.log()[None], ["ab cd"], [tokens], [[(0, 2), (3, 5)]])
    assert decoded["entities"][0]["score"] == pytest.approx((0.9 + 0.6) / 2)


def test_every_single_text_task_is_answered_for_every_text(tiny_model):
    answers = tiny_model.predict(["a cat", "a dog", "b"])
    assert list(answers) == ["topic", "toxic", "tags", "affect", "grade", "slots"]
    assert all(len(rows) == 3 for rows in answers.values())
    keys = {name: sorted(rows[0]) for name, rows in answers.items()}
    assert keys == {
        "topic": ["label", "score", "scores"],
        "toxic": ["label", "score", "scores"],
        "tags": ["labels", "scores"],
        "affect": ["values"],
        "grade": ["label", "score", "scores", "value"],
        "slots": ["entities"],
    }


def test_tuples_of_two_texts_are_answered_by_the_pair_tasks(tiny_model):
    answers = tiny_model.predict([("a cat", "a dog"), ("b", "b")])
    assert list(answers) == ["closeness", "entails"]
    assert answers["closeness"][1]["value"] == pytest.approx(1.0, abs=1e-6)  # a text is as close to itself as can be
    assert sorted(answers["entails"][0]["scores"]) == ["no", "yes"]


def test_the_first_text_of_a_pair_stays_the_first(make_model):
    task = TaskConfig(name="entails", kind="pair_classification", labels=["yes", "no"])
    model = make_model([task])
    one, other = model.predict([("a cat", "b c d e f"), ("b c d e f", "a cat")])["entails"]
    assert abs(one["scores"]["yes"] - other["scores"]["yes"]) > 1e-4
    assert model.predict([("b c d e f", "a cat")])["entails"][0]["scores"] == pytest.approx(other["scores"], abs=1e-6)


def test_a_single_text_or_pair_is_answered_without_lists(tiny_model):
    assert tiny_model.predict("a cat") == {name: rows[0] for name, rows in tiny_model.predict(["a cat"]).items()}
    pair = ("a cat", "a dog")
    assert tiny_model.predict(pair) == {name: rows[0] for name, rows in tiny_model.predict([pair]).items()}


def test_no_texts_give_no_answers(tiny_model):
    assert set(map(len, tiny_model.predict([], include_embeddings=True).values())) == {0}


@pytest.mark.parametrize("tasks", ["grade", ["grade"]])
def test_only_the_tasks_asked_for_are_answered(tiny_model, tasks):
    assert list(tiny_model.predict(["a cat"], tasks=tasks)) == ["grade"]


def test_embeddings_come_along_when_asked_for(tiny_model):
    answers = tiny_model.predict(["a cat", "b"], include_embeddings=True)
    assert answers["embeddings"].dtype == np.float32
    np.testing.assert_allclose(answers["embeddings"], tiny_model.encode(["a cat", "b"]), atol=1e-6)
    assert tiny_model.predict("b", include_embeddings=True)["embeddings"].shape == (32,)
    of_pairs = tiny_model.predict([("a cat", "b")], include_embeddings=True)["embeddings"]
    np.testing.assert_allclose(of_pairs, tiny_model.encode(["a cat"]), atol=1e-6)


def test_answers_are_plain_python_values(tiny_model):
    def types(value):
        if isinstance(value, dict):
            return set().union(*(types(item) for item in value.values())) if value else set()
        if isinstance(value, list):
            return set().union(*(types(item) for item in value)) if value else set()
        return {type(value)}

    assert types(tiny_model.predict([TEXT])) <= {str, int, float}
    assert types(tiny_model.predict([(TEXT, TEXT)])) <= {str, int, float}


@pytest.mark.parametrize(
    "text",
    [TEXT, "  The  cat\tsat…naïve café ", "👍🏽 cat 👩‍👩‍👧 dog\ud800!", "\uff26\uff55\uff4c\uff4c \ufb01ne \u2460"],
    ids=ascii,
)
def test_offsets_point_into_the_text_as_it_was_given(tiny_model, text):
    labels = tiny_model.config.task("slots").labels
    with torch.no_grad():  # every word is an entity of its own
        tiny_model.polyhead.heads["slots"].output.weight.zero_()
        tiny_model.polyhead.heads["slots"].output.bias.copy_(torch.eye(5)[labels.index("B-pet")] * 10)
    found = tiny_model.predict(text, tasks=["slots"])["slots"]["entities"]
    assert len(found) >= 2
    for entity in found:
        assert entity["text"] == text[entity["start"] : entity["end"]].replace("\ud800", "\ufffd")
    assert [entity["start"] for entity in found] == sorted({entity["start"] for entity in found})
    covered = "".join(entity["text"] for entity in found)
    assert covered.startswith(text.strip()[0])


def test_given_words_are_tagged_as_they_are(tiny_model):
    with torch.no_grad():
        tiny_model.polyhead.heads["slots"].output.weight.zero_()
        tiny_model.polyhead.heads["slots"].output.bias.copy_(torch.tensor([0.0, 10, 0, 0, 0]))
    words = ["New", "U.S.", "don't", "cat!"]
    found = tiny_model.predict([words], tasks=["slots"], is_split_into_words=True)["slots"][0]["entities"]
    assert [entity["text"] for entity in found] == words
    assert [entity["start"] for entity in found] == [0, 4, 9, 15]  # in the words joined by spaces


def test_given_words_answer_sentence_tasks_as_their_text_does(tiny_model):
    by_words = tiny_model.predict([["a", "cat", "sat"]], tasks=["topic"], is_split_into_words=True)
    assert by_words == tiny_model.predict(["a cat sat"], tasks=["topic"])


def test_an_unknown_task_is_named_with_those_there_are(tiny_model):
    with pytest.raises(ValueError, match=r"no task 'topics' in this model\. Its tasks: topic, toxic"):
        tiny_model.predict(["a cat"], tasks=["topics"])


@pytest.mark.parametrize(
    ("texts", "tasks", "message"),
    [
        (["a cat"], ["entails"], r"'entails' \(pair_classification\) reads tuples of two texts\. Choose other tasks"),
        ([("a", "b")], ["topic"], r"'topic' \(single_label_classification\) reads single texts, not tuples"),
        (("a", "b", "c"), None, "a tuple of 3 texts came, but a pair has two; pass several texts as a list"),
        ([("a", "b"), "c"], None, "1 of 2 texts cannot be read: text 0 is of type tuple, not a string"),
        (["a", None, ""], None, "2 of 3 texts cannot be read: text 1 is None, not a string; text 2 is empty or blank"),
        ([("a", "b"), ("", "b"), ("a", None)], None, "2 of 3 .*text 1 is empty or blank; text 2 is None, not a string"),
    ],
)
def test_input_that_does_not_fit_is_refused(tiny_model, texts, tasks, message):
    with pytest.raises(ValueError, match=message):
        tiny_model.predict(texts, tasks=tasks)


@pytest.mark.parametrize("words", ["a cat", [], ["a", ""], ["a", 3], None])
def test_what_is_no_list_of_words_is_refused(tiny_model, words):
    with pytest.raises(ValueError, match="text 1 is not a list of words"):
        tiny_model.predict([["a", "cat"], words], is_split_into_words=True)


def test_bad_texts_can_be_flagged_and_the_others_answered(tiny_model):
    answers = tiny_model.predict(["a cat", None, "b"], on_bad="flag", include_embeddings=True)
    assert answers["topic"][1] == {"error": "is None, not a string"}
    alone = tiny_model.predict(["b"], include_embeddings=True)
    assert answers["topic"][2]["scores"] == pytest.approx(alone["topic"][0]["scores"], abs=1e-6)
    assert np.isnan(answers["embeddings"][1]).all()
    np.testing.assert_allclose(answers["embeddings"][2], alone["embeddings"][0], atol=1e-6)
    assert tiny_model.predict("", on_bad="flag")["topic"] == {"error": "is empty or blank"}


def test_bad_pairs_can_be_flagged(tiny_model):
    answers = tiny_model.predict([("a", "b"), ("a", None), ("", "b")], on_bad="flag")["closeness"]
    assert [sorted(row) for row in answers] == [["value"], ["error"], ["error"]]


def test_an_unknown_way_with_bad_texts_is_refused(tiny_model):
    with pytest.raises(ValueError, match=r"on_bad='skip' is unknown; choose 'raise' or 'flag'"):
        tiny_model.predict(["a"], on_bad="skip")
