import json

import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.data.data_error import DataError
from polyhead.training.data.rows import load_data, read_rows
from polyhead.training.recipe.recipe_sections import DataSource

TOPIC = TaskConfig(name="topic", kind="single_label_classification", labels=["Science", "Sports"])
SCORE = TaskConfig(name="score", kind="regression")
SLOTS = TaskConfig(name="slots", kind="token_classification", labels=["O", "B-x"])
VAD = TaskConfig(name="vad", kind="regression", labels=["V", "A"])


@pytest.fixture
def source(tmp_path):
    """Write a file and describe it; records become JSON lines, text a file of the given ending."""

    def _source(content, ending="jsonl", **fields):
        text = content if isinstance(content, str) else "".join(json.dumps(record) + "\n" for record in content)
        (tmp_path / f"posts.{ending}").write_text(text, encoding="utf-8")
        fields = {"name": "posts", "train": f"posts.{ending}", **fields}
        if "words" not in fields:
            fields.setdefault("text", "text")
        return DataSource.model_validate(fields, context={"folder": tmp_path})

    return _source


def problems_of(source, tasks):
    with pytest.raises(DataError) as caught:
        read_rows(source, "train", tasks)
    return caught.value.problems


def test_a_row_has_text_labels_and_its_place(source):
    posts = source([{"text": "Quarks", "t": "Science", "s": 2}], labels={"topic": "t", "score": "s"})

    assert read_rows(posts, "train", [TOPIC, SCORE]) == [
        {"text": "Quarks", "labels": {"topic": 0, "score": 2.0}, "where": "posts.jsonl:1"}
    ]


def test_a_missing_label_has_no_key(source):
    posts = source([{"text": "a", "t": None}, {"text": "b"}, {"text": "c", "t": "Sports"}], labels={"topic": "t"})

    assert [row["labels"] for row in read_rows(posts, "train", [TOPIC])] == [{}, {}, {"topic": 1}]


def test_an_empty_csv_cell_is_a_missing_label_and_na_is_not(source):
    posts = source("text,t\na,\nb,Sports\n", "csv", labels={"topic": "t"})
    assert [row["labels"] for row in read_rows(posts, "train", [TOPIC])] == [{}, {"topic": 1}]

    posts = source("text,t\na,NA\n", "csv", labels={"topic": "t"})
    assert "'NA' is not a label of task 'topic'" in problems_of(posts, [TOPIC])[0]


def test_text_of_csv_reaches_the_model_as_it_is(source):
    posts = source("text,t\nNA,Sports\n01,Sports\nNone,Sports\n", "csv", labels={"topic": "t"})

    assert [row["text"] for row in read_rows(posts, "train", [TOPIC])] == ["NA", "01", "None"]


def test_two_columns_make_a_pair(source):
    posts = source([{"a": "x", "b": "y", "s": 0.5}], text=["a", "b"], labels={"sts": "s"})

    rows = read_rows(posts, "train", [TaskConfig(name="sts", kind="pair_similarity")])

    assert rows == [{"text": ("x", "y"), "labels": {"sts": 0.5}, "where": "posts.jsonl:1"}]


def test_words_stay_a_list(source):
    posts = source([{"w": ["play", "jazz"], "tags": ["O", "B-x"]}], words="w", labels={"slots": "tags"})

    assert read_rows(posts, "train", [SLOTS]) == [
        {"words": ["play", "jazz"], "labels": {"slots": [0, 1]}, "where": "posts.jsonl:1"}
    ]


def test_lists_in_csv_are_separated_by_bars_and_words_by_blanks(source):
    tones = TaskConfig(name="tones", kind="multi_label_classification", labels=["a b", "c"])
    posts = source("w,tags,l\nplay jazz,O B-x,c|a b\n", "csv", words="w", labels={"slots": "tags", "tones": "l"})

    assert read_rows(posts, "train", [SLOTS, tones])[0] == {
        "words": ["play", "jazz"],
        "labels": {"slots": [0, 1], "tones": [1.0, 1.0]},
        "where": "posts.csv:2",
    }


def test_several_columns_give_several_values(source):
    posts = source([{"text": "a", "V": 1, "A": 2}, {"text": "b", "V": None}], labels={"vad": ["V", "A"]})

    assert [row["labels"] for row in read_rows(posts, "train", [VAD])] == [{"vad": [1.0, 2.0]}, {}]


def test_several_values_are_given_all_or_none(source):
    posts = source([{"text": "a", "V": 1, "A": None}], labels={"vad": ["V", "A"]})

    assert problems_of(posts, [VAD]) == [
        "posts.jsonl:1 column 'V, A': missing while other values of the row are not: A; give all or none"
    ]


def test_labels_are_mapped_by_name_whatever_the_order_of_the_model(source):
    posts = source([{"text": "a", "t": "Science"}], labels={"topic": "t"})
    turned = TaskConfig(name="topic", kind="single_label_classification", labels=["Sports", "Science"])

    assert read_rows(posts, "train", [turned])[0]["labels"] == {"topic": 1}


def test_tasks_that_a_data_set_does_not_label_are_left_alone(source):
    posts = source([{"text": "a", "t": "Science"}], labels={"topic": "t"})

    assert read_rows(posts, "train", [TOPIC, SCORE])[0]["labels"] == {"topic": 0}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty or blank text"),
        (" \t\n", "empty or blank text"),
        ("\u200b\u200d", "empty or blank text"),
        ("\x00\x07", "empty or blank text"),
        (None, "no text came"),
        (7, "int 7 came; write text, numbers in quotes"),
        (["a"], "list ['a'] came"),
        ({"a": 1}, "dict {'a': 1} came"),
        ("a\ud800", "half a surrogate pair"),
    ],
)
def test_what_is_no_text_is_refused_with_its_row_and_column(source, text, complaint):
    posts = source([{"text": "fine", "t": "Sports"}, {"text": text, "t": "Sports"}], labels={"topic": "t"})

    (problem,) = problems_of(posts, [TOPIC])

    assert problem.startswith(f"posts.jsonl:2 column 'text': {complaint}")


@pytest.mark.parametrize("text", ["?", "...", "👍", "👨\u200d👩\u200d👧", "مرحبا", "\u200bx", "a\x00b"])
def test_signs_emoji_and_every_script_are_text(source, text):
    posts = source([{"text": text, "t": "Sports"}], labels={"topic": "t"})

    assert read_rows(posts, "train", [TOPIC])[0]["text"] == text


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"w": ["a", "b"], "tags": ["O"]}, "column 'tags': 1 tags came for 2 words"),
        ({"w": "a b", "tags": ["O", "O"]}, "column 'w': str 'a b' came; write a list of words"),
        ({"w": ["a", 5], "tags": ["O", "O"]}, "column 'w': word 5 is int"),
        ({"w": [], "tags": []}, "column 'w': empty or blank text"),
        ({"w": ["a"], "tags": ["B-y"]}, "column 'tags': 'B-y' is not a label of task 'slots'; closest is 'B-x'"),
    ],
)
def test_words_and_tags_that_do_not_fit_are_refused(source, row, complaint):
    posts = source([row], words="w", labels={"slots": "tags"})

    assert problems_of(posts, [SLOTS])[0].startswith(f"posts.jsonl:1 {complaint}")


def test_a_missing_column_names_those_there_are(source):
    posts = source([{"txt": "a", "topics": "Sports"}], labels={"topic": "topic"})

    assert problems_of(posts, [TOPIC]) == [
        "posts.jsonl column 'text': there is no such column; closest is 'txt' (columns: txt, topics)",
        "posts.jsonl column 'topic': there is no such column; closest is 'topics' (columns: txt, topics)",
    ]


def test_problems_of_the_whole_file_are_listed_and_repeats_counted(source):
    records = [{"text": "a", "t": "Scince"}] * 3 + [{"text": "", "t": "Sports"}, {"text": "b", "t": 1.5}]
    posts = source(records, labels={"topic": "t"})

    with pytest.raises(DataError) as caught:
        read_rows(posts, "train", [TOPIC])

    assert caught.value.total == 5
    assert caught.value.problems == [
        "posts.jsonl:1 column 't': 'Scince' is not a label of task 'topic'; closest is 'Science'"
        " (and 2 more rows like it)",
        "posts.jsonl:4 column 'text': empty or blank text '' came; fill it in or remove the row",
        "posts.jsonl:5 column 't': the number 1.5 came; a label is text or a whole number",
    ]


def test_at_most_twenty_problems_are_listed_and_all_are_counted(source):
    posts = source([{"text": "a", "t": f"label {n}"} for n in range(50)], labels={"topic": "t"})

    with pytest.raises(DataError, match="the data have 50 problems, 20 listed") as caught:
        read_rows(posts, "train", [TOPIC])

    assert len(caught.value.problems) == 20


def test_loading_completes_tasks_from_train_and_encodes_every_split(source, tmp_path):
    (tmp_path / "test.jsonl").write_text('{"text": "c", "t": "a"}\n')
    posts = source([{"text": "a", "t": "b"}, {"text": "b", "t": "a"}], test="test.jsonl", labels={"topic": "t"})

    data = load_data([TaskConfig(name="topic", kind="single_label_classification")], [posts])

    assert data.tasks[0].labels == ["a", "b"]
    assert [row["labels"]["topic"] for row in data.rows["train"]["posts"]] == [1, 0]
    assert data.rows["test"]["posts"][0]["where"] == "test.jsonl:1"
    assert data.rows["validation"] == {}


def test_loading_reports_all_missing_files_at_once(source):
    posts = source([{"text": "a", "t": "b"}], validation="v.jsonl", test="w.csv", labels={"topic": "t"})

    with pytest.raises(DataError) as caught:
        load_data([TOPIC], [posts])

    assert [problem.split(":")[0] for problem in caught.value.problems] == ["data.posts.validation", "data.posts.test"]


def test_a_label_that_only_the_test_split_has_is_refused(source, tmp_path):
    (tmp_path / "test.jsonl").write_text('{"text": "c", "t": "z"}\n')
    posts = source([{"text": "a", "t": "b"}, {"text": "b", "t": "a"}], test="test.jsonl", labels={"topic": "t"})

    with pytest.raises(DataError, match=r"test\.jsonl:1 column 't': 'z' is not a label of task 'topic'; known: a, b"):
        load_data([TaskConfig(name="topic", kind="single_label_classification")], [posts])


ANSWER = TaskConfig(name="answer", kind="pair_similarity", loss="multiple_negatives_ranking")


def test_without_a_label_column_every_row_is_a_pair_that_belongs_together(source):
    pairs = source([{"q": "a", "a": "b"}, {"q": "c", "a": "d"}], text=["q", "a"], labels={"answer": None})
    data = load_data([ANSWER], [pairs])

    assert data.tasks == [ANSWER]
    assert [row["labels"] for row in data.rows["train"]["posts"]] == [{"answer": 1.0}] * 2


def test_with_a_label_column_pairs_below_the_top_have_no_label(source):
    records = [{"q": "a", "a": "b", "s": score} for score in (5, 0, 4.5, None)]
    pairs = source(records, text=["q", "a"], labels={"answer": "s"})
    data = load_data([ANSWER], [pairs])

    assert data.tasks[0].value_range == [0.0, 5.0]
    assert [row["labels"] for row in data.rows["train"]["posts"]] == [{"answer": 5.0}, {}, {}, {}]


def test_pairs_of_which_none_belongs_together_are_refused(source):
    pairs = source([{"q": "a", "a": "b", "s": 0.5}], text=["q", "a"], labels={"answer": "s"})
    with pytest.raises(DataError, match=r"no usable label in .* the first value is 0\.5"):
        load_data([ANSWER], [pairs])
