"""Scores are those of the answers that `predict` gives."""

import math

import numpy as np
import pytest
import torch

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.losses_polyhead import task_loss_items
from polyhead.training.answer_collection import collect_answers, merge_answers
from polyhead.training.evaluation import evaluate_model, flat_metrics

from .conftest import as_dataset, row

TEXTS = ["a cat", "the dog !", "fox", "cat , dog", "no", "the cat .", "dogs", "a b c d e f g"]
POSTS = [
    row(TEXTS[0], 1, topic=0, toxic=0, tags=[1.0, 0.0, 0.0], affect=[1.0, -1.0], grade=2),
    row(TEXTS[1], 2, topic=1, toxic=1, tags=[0.0, 1.0, 1.0], affect=[4.0, 0.0], grade=0),
    row(TEXTS[2], 3, topic=2, toxic=0, tags=[0.0, 0.0, 1.0], affect=[3.0, -2.0], grade=1),
    row(TEXTS[3], 4, topic=0, affect=[2.0, 1.0]),
    row(TEXTS[4], 5, toxic=1, tags=[1.0, 1.0, 1.0], grade=1),
    row(TEXTS[5], 6),
]
WORDS = [
    row(["the", "cat", "ran"], 11, slots=[0, 1, 2]),
    row(["U.S.", "dog", "!"], 12, slots=[3, 0, 0]),
    row(["no", "labels"], 13),
]
PAIRS = [
    row((TEXTS[0], TEXTS[5]), 21, closeness=4.0, entails=0),
    row((TEXTS[1], TEXTS[6]), 22, closeness=2.5, entails=1),
    row((TEXTS[2], TEXTS[3]), 23, closeness=0.0),
]
SETS = {"posts": POSTS, "words": WORDS, "pairs": PAIRS}


def labelled(rows, name):
    return [row for row in rows if name in row["labels"]]


def answers(model, rows, name):
    rows = labelled(rows, name)
    words = "words" in rows[0]
    return model.predict([row["words" if words else "text"] for row in rows], [name], is_split_into_words=words)[name]


@pytest.mark.parametrize(("name", "rows"), [("topic", POSTS), ("toxic", POSTS), ("grade", POSTS), ("entails", PAIRS)])
def test_accuracy_is_the_share_of_predicted_labels_that_are_right(tiny_model, name, rows):
    labels = tiny_model.config.task(name).labels
    right = [
        answer["label"] == labels[row["labels"][name]]
        for row, answer in zip(labelled(rows, name), answers(tiny_model, rows, name), strict=True)
    ]

    scores = evaluate_model(tiny_model, as_dataset(tiny_model, SETS))
    assert scores[name]["accuracy"] == pytest.approx(np.mean(right))


def test_multi_label_accuracy_counts_rows_whose_labels_are_all_right(tiny_model):
    found = [set(answer["labels"]) for answer in answers(tiny_model, POSTS, "tags")]
    true = [
        {label for label, on in zip("xyz", row["labels"]["tags"], strict=True) if on} for row in labelled(POSTS, "tags")
    ]
    micro = (
        2
        * sum(len(f & t) for f, t in zip(found, true, strict=True))
        / sum(len(f) + len(t) for f, t in zip(found, true, strict=True))
    )

    scores = evaluate_model(tiny_model, as_dataset(tiny_model, SETS))["tags"]
    assert scores["accuracy"] == pytest.approx(np.mean([f == t for f, t in zip(found, true, strict=True)]))
    assert scores["f1_micro"] == pytest.approx(micro)


def test_regression_is_measured_in_the_datas_own_unit(tiny_model):
    values = [
        [answer["values"][name] for name in ("valence", "arousal")] for answer in answers(tiny_model, POSTS, "affect")
    ]
    errors = np.abs(np.array(values) - [row["labels"]["affect"] for row in labelled(POSTS, "affect")])

    scores = evaluate_model(tiny_model, as_dataset(tiny_model, SETS))["affect"]
    assert scores["mae"] == pytest.approx(errors.mean(), rel=1e-5)


def test_similarity_is_ranked_by_the_cosine(tiny_model):
    cosines = [answer["value"] for answer in answers(tiny_model, PAIRS, "closeness")]

    scores = evaluate_model(tiny_model, as_dataset(tiny_model, SETS))["closeness"]
    assert scores["pearson"] == pytest.approx(np.corrcoef(cosines, [4.0, 2.5, 0.0])[0, 1], abs=1e-5)


def test_entities_that_are_scored_are_those_that_are_predicted(tiny_model):
    tagger = tiny_model.polyhead.heads["slots"].output
    with torch.no_grad():  # every word begins a pet
        tagger.weight.zero_()
        tagger.bias.copy_(torch.tensor([0.0, 5.0, 0.0, 0.0, 0.0]))
    predicted = answers(tiny_model, WORDS, "slots")
    assert [len(answer["entities"]) for answer in predicted] == [3, 3]

    scores = evaluate_model(tiny_model, as_dataset(tiny_model, SETS))["slots"]
    # True: one pet of two words, one toy. Found: six pets of one word. Tags: B-pet is right for one word of six.
    assert (scores["f1"], scores["precision"], scores["recall"]) == (0.0, 0.0, 0.0)
    assert scores["accuracy"] == pytest.approx(1 / 6)
    with torch.no_grad():  # outside everywhere: the first row's four words count as found nowhere
        tagger.bias.copy_(torch.tensor([5.0, 0.0, 0.0, 0.0, 0.0]))
    scores = evaluate_model(tiny_model, as_dataset(tiny_model, {"words": [row(["cat", "ran"], slots=[1, 0])]}))
    assert scores["slots"]["accuracy"] == pytest.approx(1 / 2)


def test_joint_accuracy_is_the_share_of_shared_rows_that_are_right_in_every_task(tiny_model):
    rows = [item for item in POSTS if {"topic", "toxic"} <= set(item["labels"])]
    only = [{**item, "labels": {name: item["labels"][name] for name in ("topic", "toxic")}} for item in rows]
    right = [
        all(
            answers(tiny_model, [item], name)[0]["label"] == tiny_model.config.task(name).labels[item["labels"][name]]
            for name in ("topic", "toxic")
        )
        for item in only
    ]
    alone = row(TEXTS[7], 7, topic=0)  # one task only: it does not count

    scores = evaluate_model(tiny_model, as_dataset(tiny_model, [*only, alone]))
    assert scores["topic"]["joint_accuracy"] == pytest.approx(np.mean(right))
    assert scores["toxic"]["joint_accuracy"] == pytest.approx(np.mean(right))
    assert "joint_accuracy" not in evaluate_model(tiny_model, as_dataset(tiny_model, [alone]))["topic"]


@pytest.mark.parametrize("name", ["topic", "toxic", "tags", "affect", "grade", "slots", "closeness", "entails"])
def test_the_loss_is_the_mean_over_the_labelled_rows(tiny_model, name):
    task = tiny_model.config.task(name)
    rows = labelled(PAIRS if task.is_pair else WORDS if task.is_token else POSTS, name)
    losses = []
    for example in as_dataset(tiny_model, rows).examples:
        inputs = {key: torch.tensor([value]) for key, value in example.first.inputs.items()}
        if example.second:
            inputs |= {f"pair_{key}": torch.tensor([value]) for key, value in example.second.inputs.items()}
        with torch.no_grad():
            logits = tiny_model(**inputs, tasks=[name]).logits[name]
        losses += task_loss_items(task, logits, torch.tensor([example.labels[name]])).tolist()

    scores = evaluate_model(tiny_model, as_dataset(tiny_model, SETS))
    assert scores[name]["loss"] == pytest.approx(np.mean(losses), abs=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_scores_do_not_depend_on_the_batch_size(tiny_model, batch_size):
    dataset = as_dataset(tiny_model, SETS)
    expected = evaluate_model(tiny_model, dataset)

    for name, scores in evaluate_model(tiny_model, dataset, batch_size=batch_size).items():
        assert scores == pytest.approx(expected[name], abs=1e-5)


def test_rows_without_a_label_are_not_counted(tiny_model):
    bare = [{**row, "labels": {}} for row in POSTS] * 3
    expected = evaluate_model(tiny_model, as_dataset(tiny_model, POSTS))

    for name, scores in evaluate_model(tiny_model, as_dataset(tiny_model, POSTS + bare)).items():
        assert scores == pytest.approx(expected[name], abs=1e-5)


def test_data_sets_of_one_task_are_measured_as_one(tiny_model):
    together = evaluate_model(tiny_model, as_dataset(tiny_model, POSTS))
    apart = evaluate_model(tiny_model, as_dataset(tiny_model, {"few": POSTS[:1], "many": POSTS[1:]}))

    for name, scores in apart.items():
        assert scores == pytest.approx(together[name], abs=1e-5)


@pytest.mark.parametrize("num_processes", [2, 4])
def test_the_shares_of_several_processes_make_the_scores_of_one(tiny_model, num_processes):
    dataset = as_dataset(tiny_model, SETS)
    shares = [collect_answers(tiny_model, dataset, process=(number, num_processes)) for number in range(num_processes)]
    rows = [row for share in shares if "topic" in share for row in share["topic"].rows]
    merged = merge_answers(shares)

    assert sorted(rows) == [0, 1, 2, 3]
    for name, expected in evaluate_model(tiny_model, dataset).items():
        expected.pop("joint_accuracy", None)
        assert merged[name].scores(tiny_model.config.task(name)) == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_only_the_tasks_that_are_named_are_measured(tiny_model):
    assert list(evaluate_model(tiny_model, as_dataset(tiny_model, SETS), ["entails", "topic"])) == ["topic", "entails"]


def test_a_task_without_a_label_in_the_data_is_refused(tiny_model):
    with pytest.raises(ValueError, match=r"no labelled row for \['slots'\] in data sets \['toy'\]; choose another"):
        evaluate_model(tiny_model, as_dataset(tiny_model, POSTS), ["topic", "slots"])
    with pytest.raises(ValueError, match="no labelled row for any task"):
        evaluate_model(tiny_model, as_dataset(tiny_model, [row("cat")]))


def test_evaluation_leaves_a_training_model_in_training(tiny_model):
    tiny_model.train()
    evaluate_model(tiny_model, as_dataset(tiny_model, POSTS))

    assert tiny_model.training


def test_flat_names_hold_the_weighed_loss_and_the_mean_of_the_main_metrics():
    tasks = [
        TaskConfig(name="topic", kind="single_label_classification", labels=["a", "b"], weight=2.0),
        TaskConfig(name="stars", kind="regression", metric="mae"),
        TaskConfig(name="absent", kind="regression"),
    ]
    scores = {"topic": {"loss": 0.5, "accuracy": 0.75}, "stars": {"loss": 3.0, "mae": 3.0, "pearson": math.nan}}
    flat = flat_metrics(tasks, scores, "test")

    assert flat.pop("test_stars_pearson") is math.nan
    assert flat == {
        "test_loss": 2.0 * 0.5 + 3.0,
        "test_score": (0.75 + 1 / (1 + 3.0)) / 2,
        "test_topic_loss": 0.5,
        "test_topic_accuracy": 0.75,
        "test_stars_loss": 3.0,
        "test_stars_mae": 3.0,
    }
