"""Lines and CSV files in, a table and CSV out; whatever is wrong with them is a message on the page."""

import base64
import csv
import io
import json
import re
from html import unescape

import pytest

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.demo.many_texts import MOST_ROWS, answer_file, answer_lines
from polyhead.demo.one_text import problem

PREFIX = "data:text/csv;charset=utf-8;base64,"


def downloaded(page):
    """Return the name of the file that the page offers, and its rows."""
    name, address = re.search(r'download="(.*?)" href="(.*?)"', page).groups()
    content = base64.b64decode(address.removeprefix(PREFIX)).decode("utf-8-sig")
    return name, list(csv.DictReader(io.StringIO(content)))


def cells(page):
    return [unescape(cell) for cell in re.findall(r"<t[dh] [^>]*>(.*?)</t[dh]>", page)]


def test_each_line_is_a_row_of_the_table_and_of_the_file(tiny_model):
    page = answer_lines(tiny_model, "the cat\n\n a <b>dog</b>\r\n")
    tasks = ["topic", "toxic", "tags", "affect", "grade", "slots"]
    shown = cells(page)
    assert shown[:7] == ["text", *tasks]
    assert (shown[7], shown[14]) == ("the cat", " a <b>dog</b>")
    assert "<b>" not in page

    name, rows = downloaded(page)
    assert name == "answers.csv"
    assert [row["text"] for row in rows] == ["the cat", " a <b>dog</b>"]
    answers = tiny_model.predict(["the cat", " a <b>dog</b>"])
    for row, topic, tags, affect, slots in zip(
        rows, *(answers[key] for key in ("topic", "tags", "affect", "slots")), strict=True
    ):
        assert (row["topic"], row["topic_score"]) == (topic["label"], f"{topic['score']:.4f}")
        assert json.loads(row["tags"]) == tags["labels"]
        assert float(row["affect_valence"]) == pytest.approx(affect["values"]["valence"], abs=1e-4)
        assert [entity["text"] for entity in json.loads(row["slots"])] == [
            entity["text"] for entity in slots["entities"]
        ]


def test_answers_that_are_withheld_have_a_reason_in_the_labels_place(tiny_model):
    tiny_model.config.task("topic").min_confidence = 0.999
    page = answer_lines(tiny_model, "the cat")
    assert cells(page)[8] == "(low confidence)"
    (row,) = downloaded(page)[1]
    assert (row["topic"], row["topic_reason"]) == ("", "low confidence")
    assert row["toxic"]
    assert "toxic_reason" not in row


def test_no_two_answers_share_a_column(make_model):
    tasks = [
        TaskConfig(name="mood", kind="binary_classification", labels=["bad", "good"]),
        TaskConfig(name="mood_score", kind="regression"),
    ]
    model = make_model(tasks)
    (row,) = downloaded(answer_lines(model, "the cat"))[1]
    answers = model.predict("the cat")
    assert row["mood"] == answers["mood"]["label"]
    assert float(row["mood_score"]) == pytest.approx(answers["mood"]["score"], abs=1e-4)
    assert float(row["predicted_mood_score"]) == pytest.approx(answers["mood_score"]["value"], abs=1e-4)


def test_line_separators_inside_a_text_do_not_end_it(tiny_model):
    assert [row["text"] for row in downloaded(answer_lines(tiny_model, "cat \u2028 dog\ncat"))[1]] == [
        "cat \u2028 dog",
        "cat",
    ]


def test_a_file_comes_back_with_its_own_columns_and_a_gold_label_is_kept(tiny_model, tmp_path):
    (tmp_path / "pets.csv").write_text('id,topic,text\n01,Arts,"cat, ""dog"""\n02,NA,ü 日\n', encoding="utf-8")
    name, rows = downloaded(answer_file(tiny_model, str(tmp_path / "pets.csv"), "text"))
    assert name == "pets_answers.csv"
    assert [(row["id"], row["topic"], row["text"]) for row in rows] == [
        ("01", "Arts", 'cat, "dog"'),
        ("02", "NA", "ü 日"),
    ]
    answers = tiny_model.predict(['cat, "dog"', "ü 日"])["topic"]
    assert [row["predicted_topic"] for row in rows] == [answer["label"] for answer in answers]


FORMULAS = ["=1+1", "+cat", "-cat", "@cat", "\t=1+1", "\r=1+1", "\uff1d1+1", "-2+3"]
PLAIN = ["-3", "+4.5", "-1e-3", " cat", "cat = dog", "'cat", ""]


def test_a_cell_that_a_spreadsheet_would_run_is_text_and_numbers_stay_numbers(tiny_model, tmp_path):
    cells = [*FORMULAS, *PLAIN]
    with (tmp_path / "pets.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text", "=note"], *(["cat", cell] for cell in cells)])
    _, rows = downloaded(answer_file(tiny_model, str(tmp_path / "pets.csv"), "text"))
    assert [row["'=note"] for row in rows] == [*(f"'{cell}" for cell in FORMULAS), *PLAIN]


def test_a_label_that_a_spreadsheet_would_run_is_text(make_model):
    task = TaskConfig(name="pet", kind="single_label_classification", labels=["=cat", "@dog"])
    _, rows = downloaded(answer_lines(make_model([task]), "cat"))
    assert rows[0]["pet"] in ("'=cat", "'@dog")


def test_a_row_without_a_text_is_flagged_and_the_others_are_answered(tiny_model, tmp_path):
    (tmp_path / "pets.csv").write_text("text,id\ncat,1\n ,2\n", encoding="utf-8")
    page = answer_file(tiny_model, str(tmp_path / "pets.csv"), "text")
    _, rows = downloaded(page)
    assert [row["error"] for row in rows] == ["", "is empty or blank"]
    assert rows[0]["topic"]
    assert not rows[1]["topic"]
    assert "(is empty or blank)" in cells(page)


@pytest.mark.parametrize("divider", [",", ";", "\t"])
def test_commas_semicolons_and_tabs_divide(divider, tiny_model, tmp_path):
    (tmp_path / "a.csv").write_text(
        divider.join(["id", "words"]) + "\r\n" + divider.join(["7", "cat"]) + "\r\n", encoding="utf-8-sig"
    )
    _, rows = downloaded(answer_file(tiny_model, str(tmp_path / "a.csv"), " words "))
    assert (rows[0]["id"], rows[0]["words"]) == ("7", "cat")


def test_the_only_column_needs_no_name(tiny_model, tmp_path):
    (tmp_path / "a.csv").write_text("title\ncat\n", encoding="utf-8")
    assert downloaded(answer_file(tiny_model, str(tmp_path / "a.csv"), "text"))[1][0]["title"] == "cat"


# fmt: off
BAD_FILES = {
    "no such column": (b"id,words\n1,cat\n", "a.csv has no column 'text'.", "id, words"),
    "not UTF-8": (b"id,text\n1,caf\xe9\n", "a.csv is not UTF-8 (line 2).", "Save it as"),
    "UTF-16, as Excel's Unicode text": ("id,text\n1,cat\n".encode("utf-16"), "a.csv is not UTF-8 (line 1).", "Save it as"),
    "empty": (b"", "a.csv is empty.", "Give a header line"),
    "blank": (b"\n\n", "a.csv is empty.", "Give a header line"),
    "a header alone": (b"id,text\n", "a.csv has a header but no rows.", "at least one row"),
    "ragged": (b"id,text\n1,a,b\n", "a.csv, line 2: 3 cells where the header has 2.", "Quote cells"),
    "an open quote": (b'id,text\n1,"a\n', "a.csv, line 2: unexpected end of data.", "Check the quotes"),
    "two columns of a name": (b"text,text\na,b\n", "a.csv has two columns 'text'.", "Rename one"),
    "a cell without end": (b"id,text\n1," + b"a" * 200_000, "a.csv, line 2: field larger than field limit", "Check the"),
    "too many rows": (b"text\n" + b"cat\n" * (MOST_ROWS + 1), "2,001 rows; this page answers 2,000", "polyhead predict"),
    "hostile names": (b"<script>,b\n1,2\n", "a.csv has no column 'text'.", "<script>, b"),
}
# fmt: on


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_told_on_the_page(name, tiny_model, tmp_path):
    content, *parts = BAD_FILES[name]
    (tmp_path / "a.csv").write_bytes(content)
    page = answer_file(tiny_model, str(tmp_path / "a.csv"), "text")
    assert page.startswith('<p class="ph-problem" role="alert">')
    assert "<script" not in page
    for part in parts:
        assert part in unescape(page)


def test_nothing_given_is_told(tiny_model):
    assert answer_lines(tiny_model, " \n") == problem("There are no texts yet. Write one a line, or upload a CSV file.")
    assert "There is no file yet." in answer_file(tiny_model, None, "text")
    assert "2,001 lines came" in answer_lines(tiny_model, "cat\n" * (MOST_ROWS + 1))


def test_the_table_shows_the_first_rows_and_the_file_has_all(make_model, all_tasks):
    page = answer_lines(make_model(all_tasks()[1:2]), "cat\n" * 120)
    assert page.count("<tr>") == 101
    assert "The first 100 of 120 rows are shown; the file has all." in page
    assert len(downloaded(page)[1]) == 120
