import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.recipe.recipe_checks import check_coverage, check_duplicates, check_fit
from polyhead.training.recipe.recipe_sections import DataSource

TASKS = [
    TaskConfig(name="topic", kind="single_label_classification", labels=["a", "b"]),
    TaskConfig(name="slots", kind="token_classification"),
    TaskConfig(name="sts", kind="pair_similarity"),
    TaskConfig(name="vad", kind="regression", labels=["V", "A", "D"]),
]
NAMES = [task.name for task in TASKS]


def source(**fields):
    return DataSource(**{"name": "d", "train": "t.jsonl", "text": "text", **fields})


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"labels": {"topci": "t"}}, "data.d.labels.topci: no task has this name; closest is 'topic'"),
        ({"labels": {"sts": "score"}}, "data.d.text: one text came, but pair_similarity 'sts' reads two"),
        ({"labels": {"topic": "t"}, "text": ["a", "b"]}, "data.d.text: two texts came"),
        ({"labels": {"slots": "tags"}}, "data.d.words: missing, but token_classification 'slots' labels words"),
        ({"labels": {"topic": ["t", "u"]}}, "data.d.labels.topic: 2 columns came, but only a regression has several"),
        (
            {"labels": {"topic": None}},
            "data.d.labels.topic: no column came; name one, or train the task with `loss: mult",
        ),
        (
            {"labels": {"sts": None}, "text": ["a", "b"]},
            "data.d.labels.sts: no column came; name one, or train the task with `loss: multiple_negatives_ranking`",
        ),
        ({"labels": {"vad": ["V", "A"]}}, "data.d.labels.vad: 2 columns came for 3 labels"),
        (
            {"labels": {"topic": "t"}, "label_names": {"topic": {"0": "c"}}},
            "data.d.label_names.topic.0: 'c' is not a label of the task",
        ),
        (
            {"labels": {"topic": "t"}, "label_names": {"topi": {"0": "a"}}},
            "data.d.label_names.topi: this data set does not label such a task; closest is 'topic'",
        ),
        (
            {"labels": {"vad": "v"}, "label_names": {"vad": {"0": "a"}}},
            "data.d.label_names.vad: regression reads numbers",
        ),
    ],
)
def test_a_task_and_its_data_must_fit(fields, complaint):
    problems = list(check_fit(NAMES, TASKS, [source(**fields)]))

    assert len(problems) == 1
    assert problems[0].startswith(complaint)


@pytest.mark.parametrize(
    "fields",
    [
        {"labels": {"topic": "t"}, "label_names": {"topic": {"0": "a"}}},
        {"labels": {"sts": "score"}, "text": ["s1", "s2"]},
        {"labels": {"slots": "tags", "topic": "t"}, "text": None, "words": "tokens"},
        {"labels": {"vad": ["V", "A", "D"]}},
    ],
)
def test_what_fits_raises_no_complaint(fields):
    assert list(check_fit(NAMES, TASKS, [source(**fields)])) == []


def test_every_task_needs_a_data_set_that_trains_it():
    data = [
        source(labels={"topic": "t"}),
        source(name="e", train=None, test="t.jsonl", labels={"vad": ["V", "A", "D"]}),
    ]

    problems = list(check_coverage(["topic", "vad", "other"], data))

    assert [problem.split(":")[0] for problem in problems] == ["tasks.vad", "tasks.other"]


def test_some_data_set_needs_a_train_split():
    problems = list(check_coverage([], [source(train=None, test="t.jsonl", labels={"topic": "t"})]))

    assert problems == ["data: no data set has a train split; give one of them `train: file`"]


def test_names_stand_once():
    assert list(check_duplicates("tasks", ["a", "b", "a"])) == ["tasks.a: 2 items have this name; give each its own"]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"dataset": "org/d"}, "either files"),
        ({"train": None}, "either files"),
        ({"words": "tokens"}, "exactly one of text and words"),
        ({"text": None}, "exactly one of text and words"),
        ({"text": ["a", "b", "c"]}, "text has 3 columns"),
        ({"splits": {"train": "train"}}, "belong to dataset"),
    ],
)
def test_a_data_set_has_one_origin_and_one_input(fields, complaint):
    with pytest.raises(ValueError, match=complaint):
        source(**{"labels": {"topic": "t"}, **fields})
