from pathlib import Path

import pytest

from polyhead.texts_input import GivenTexts, read_texts


def test_csv_cells_reach_the_model_as_they_are(folder):
    Path("t.csv").write_text('id,text\n1,NA\n2,None\n3,01\n4,"a, ""b"""\n5,null\n')
    given = read_texts(None, Path("t.csv"), None)
    assert given.texts == ["NA", "None", "01", 'a, "b"', "null"]
    assert given.where == ["t.csv:2", "t.csv:3", "t.csv:4", "t.csv:5", "t.csv:6"]


def test_lines_of_a_file_are_texts_and_only_the_last_line_break_ends_none(folder):
    Path("t.txt").write_bytes("\ufeffcafé\r\n\r\n  two \u2028 parts\n".encode())
    assert read_texts(None, Path("t.txt"), None).texts == ["café", "", "  two \u2028 parts"]


def test_json_lines_give_the_column_asked_for_and_text_by_default(folder):
    Path("t.jsonl").write_text('{"text": "a", "title": "b"}\n\n{"title": "d"}\n')
    assert read_texts(None, Path("t.jsonl"), None) == GivenTexts(["a", None], ["t.jsonl:1", "t.jsonl:3"])
    assert read_texts(None, Path("t.jsonl"), ["title"]).texts == ["b", "d"]


def test_two_columns_are_pairs(folder):
    Path("t.tsv").write_text("one\tother\na\tb\n")
    given = read_texts(None, Path("t.tsv"), ["other", "one"])
    assert given == GivenTexts([("b", "a")], ["t.tsv:2"], are_pairs=True)


def test_a_dash_reads_standard_input(polyhead, trained):
    shown = polyhead("predict", trained, "-", "--json", stdin="one\ntwo\n").stdout
    assert [line[:14] for line in shown.splitlines()] == ['{"text": "one"', '{"text": "two"']


def test_without_a_text_our_own_sentences_are_shown_and_said_to_be_ours(polyhead, trained):
    result = polyhead("encode", trained, "--json")
    assert len(result.stdout.splitlines()) == 16
    assert "these sentences are ours" in result.stderr


def test_unreadable_texts_are_listed_where_they_stand():
    given = GivenTexts(["good", "", None, float("nan"), 5, "\u200b"], [f"t.jsonl:{row}" for row in range(1, 7)])
    with pytest.raises(ValueError, match="5 of 6 texts cannot be read; repair or remove them") as error:
        given.require_readable()
    assert str(error.value).splitlines()[1:] == [
        "  t.jsonl:2: is empty or blank",
        "  t.jsonl:3: is None, not a string",
        "  t.jsonl:4: is NaN, not a string",
        "  t.jsonl:5: is of type int, not a string",
        "  t.jsonl:6: is empty or blank",
    ]


def test_of_many_unreadable_texts_twenty_are_listed_and_the_rest_counted():
    with pytest.raises(ValueError, match=r"and 5 more$"):
        GivenTexts([""] * 25, [f"TEXT {number}" for number in range(1, 26)]).require_readable()


def test_a_pair_is_unreadable_when_either_side_is():
    given = GivenTexts([("a", "b"), ("", "b"), ("a", " ")], ["pair 1", "pair 2", "pair 3"], are_pairs=True)
    assert sorted(given.find_unreadable()) == [1, 2]
