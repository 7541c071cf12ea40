"""What is promised of data that do not fit: refused with all rows at once, or read exactly; never altered in silence."""

import json

import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.training.check.label_summary import labels_of
from polyhead.training.data.data_error import DataError
from polyhead.training.data.rows import load_data, read_rows
from polyhead.training.recipe.recipe_sections import DataSource


@pytest.fixture
def source(tmp_path):
    """Write files, each a list of records or bytes, and describe them as one data set."""

    def _source(files, **fields):
        for name, content in files.items():
            if not isinstance(content, bytes):
                content = "".join(json.dumps(record) + "\n" for record in content).encode()
            (tmp_path / name).write_bytes(content)
        return DataSource.model_validate({"name": "posts", **fields}, context={"folder": tmp_path})

    return _source


def task(kind, **fields):
    return TaskConfig(name="it", kind=kind, **fields)


WORDS = {"words": ["play", "jazz"]}
# By kind: what stands beside a label, labels that fit, one that does not, and what is said of it.
KINDS = {
    "single_label_classification": ({"text": "a"}, ["sport", "arts"], "sprot", "'sprot' is not a label of task 'it'"),
    "binary_classification": ({"text": "a"}, [True, False], "ture", "'ture' is not a label of task 'it'; closest is 'true'"),
    "multi_label_classification": ({"text": "a"}, [["x", "y"], ["y"]], ["x", "zz"], "'zz' is not a label of task 'it'"),
    "ordinal_regression": ({"text": "a"}, [1, 2, 10], 3.5, "the number 3.5 came; a label is text or a whole number"),
    "token_classification": (WORDS, [["O", "B-song"]], ["O", "B-sogn"], "'B-sogn' is not a label of task 'it'"),
    "regression": ({"text": "a"}, [1, 2.5], "high", "the text 'high' came; write a number"),
    "pair_similarity": ({"a": "x", "b": "y"}, [0, 1], "1,5", "the text '1,5' came; write a number"),
    "pair_classification": ({"a": "x", "b": "y"}, ["yes", "no"], ["yes"], "the list ['yes'] came; a label is text"),
}  # fmt: skip


def columns(beside):
    return {"words": "words"} if "words" in beside else {"text": "text" if "text" in beside else ["a", "b"]}


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_without_a_usable_label_is_an_error_whatever_its_kind(source, kind):
    beside = KINDS[kind][0]
    posts = source(
        {"train.jsonl": [{**beside, "it": None}, beside]}, train="train.jsonl", labels={"it": "it"}, **columns(beside)
    )

    with pytest.raises(
        DataError, match=r"tasks\.it: no usable label in train\.jsonl column 'it': all values are missing"
    ):
        load_data([task(kind)], [posts])


@pytest.mark.parametrize("kind", KINDS)
def test_labels_that_do_not_fit_are_named_with_file_row_column_and_value_in_all_splits_at_once(source, kind):
    beside, good, bad, complaint = KINDS[kind]
    rows = [{**beside, "it": label} for label in good]
    wrong = {**beside, "it": bad}
    files = {"train.jsonl": rows, "validation.jsonl": [*rows, wrong], "test.jsonl": [wrong, *rows]}
    splits = {name.partition(".")[0]: name for name in files}

    with pytest.raises(DataError) as caught:
        load_data([task(kind)], [source(files, labels={"it": "it"}, **splits, **columns(beside))])

    assert caught.value.total == 2
    first, second = caught.value.problems
    assert first.startswith(f"validation.jsonl:{len(good) + 1} column 'it': {complaint}")
    assert second.startswith(f"test.jsonl:1 column 'it': {complaint}")


PERMUTED = {
    "single_label_classification": (["arts", "sport", "food"], ["sport", "food", "arts"]),
    "binary_classification": (["no", "yes"], ["yes", "no", "yes"]),
    "multi_label_classification": (["x", "y", "z"], [["x", "y"], ["y"], []]),
    "ordinal_regression": (["low", "mid", "high"], ["high", "low", "mid"]),
    "token_classification": (["O", "B-song", "I-song"], [["B-song", "I-song"], ["O", "B-song"]]),
    "pair_classification": (["yes", "no"], ["no", "yes"]),
}


@pytest.mark.parametrize("kind", PERMUTED)
def test_labels_in_another_order_than_the_models_are_mapped_by_name(source, kind):
    labels, values = PERMUTED[kind]
    beside = KINDS[kind][0]
    rows = [{**beside, "it": value} for value in values]
    posts = source({"test.jsonl": rows}, test="test.jsonl", labels={"it": "it"}, **columns(beside))
    encoded = {}
    for order in (labels, labels[::-1]):
        model_task = task(kind, labels=order)
        encoded[order[0]] = [row["labels"]["it"] for row in read_rows(posts, "test", [model_task])]
        named = [labels_of(model_task, value) for value in encoded[order[0]]]
        assert [sorted(names) for names in named] == [sorted(v if isinstance(v, list) else [v]) for v in values]

    assert encoded[labels[0]] != encoded[labels[-1]]  # ids follow the model


def test_a_label_set_other_than_the_models_is_refused(source):
    posts = source({"test.jsonl": [{"text": "a", "it": "food"}]}, test="test.jsonl", text="text", labels={"it": "it"})

    with pytest.raises(
        DataError, match=r"test\.jsonl:1 column 'it': 'food' is not a label of task 'it'; known: arts, sport"
    ):
        read_rows(posts, "test", [task("single_label_classification", labels=["arts", "sport"])])


@pytest.mark.parametrize(
    "cell", ["NA", "None", "null", "nan", "01", "1.0", "1e5", "TRUE", " padded ", "-", "2024-01-02"]
)
def test_cells_of_csv_are_read_letter_by_letter_as_text_and_as_label(source, cell):
    content = f"text,it\n{cell},{cell}\nother,other\n".encode()
    data = load_data(
        [task("single_label_classification")],
        [source({"t.csv": content}, train="t.csv", text="text", labels={"it": "it"})],
    )

    (row, _) = data.rows["train"]["posts"]
    assert row["text"] == cell
    assert labels_of(data.tasks[0], row["labels"]["it"]) == [cell]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"text,it\na,b,c\n", r"t\.csv:2: 3 cells where the header has 2"),
        (b"text;it\na;b\n", r"t\.csv:1: .*write `delimiter: ';'`"),
        ("text,it\ncafé,b\n".encode("latin-1"), r"t\.csv:2: byte 0xe9 is not utf-8; name the file's encoding"),
        ("text,it\na,b\n".encode("utf-16"), r"t\.csv:1: .*write `encoding: utf-16`"),
        (b'text,it\n"a,b\nc,d\n', r"t\.csv:2: a quote opened in this row is never closed"),
    ],
    ids=["ragged", "semicolons", "latin-1", "utf-16", "unclosed quote"],
)
def test_csv_that_is_something_else_is_refused_with_its_row_and_remedy(source, content, complaint):
    posts = source({"t.csv": content}, train="t.csv", text="text", labels={"it": "it"})

    with pytest.raises(DataError, match=complaint):
        load_data([task("single_label_classification")], [posts])
