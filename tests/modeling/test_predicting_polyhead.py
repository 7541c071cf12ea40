import numpy as np
import pytest
import torch

from polyhead.configuration.tasks_polyhead import TaskConfig

TEXT = "The cat sat, a dog ran!"


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


def test_input_that_no_task_reads_is_refused(make_model):
    single = make_model([TaskConfig(name="topic", kind="single_label_classification", labels=["a", "b"])])
    pairs = make_model([TaskConfig(name="closeness", kind="pair_similarity")])

    with pytest.raises(ValueError, match=r"pairs came, but no task of this model compares two texts. Its tasks: topic"):
        single.predict([("a cat", "a dog")])
    with pytest.raises(ValueError, match="single texts came, but no task of this model reads one text alone"):
        pairs.predict(["a cat"])
    assert single.predict([]) == {"topic": []}
