import csv

import pytest

from polyhead.training.data.data_error import DataError
from polyhead.training.data.tables_csv import read_csv


@pytest.fixture
def read(tmp_path):
    """Write bytes or text to a file and read it back as CSV."""

    def _read(content, delimiter=",", encoding="utf-8", **kwargs):
        file = tmp_path / "posts.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return read_csv(file, delimiter, encoding, **kwargs)

    return _read


@pytest.mark.parametrize(
    "cell", ["NA", "None", "null", "nan", "01", "1e3", "007.0", " padded ", "TRUE", "", "#N/A", "-"]
)
def test_cells_arrive_as_they_are_in_the_file(read, cell):
    _, records, _ = read(f"text,label\n{cell},a\n")

    assert records == [{"text": cell, "label": "a"}]


def test_quoted_cells_may_hold_delimiters_quotes_and_line_breaks(read):
    _, records, rows = read('text,label\n"a, ""b""\nc",x\nd,y\n')

    assert records == [{"text": 'a, "b"\nc', "label": "x"}, {"text": "d", "label": "y"}]
    assert rows == [2, 4]


def test_blank_lines_and_windows_line_ends_change_nothing(read):
    _, records, rows = read("text,label\r\n\r\na,x\r\n\r\n")

    assert records == [{"text": "a", "label": "x"}]
    assert rows == [3]


def test_a_utf_8_mark_is_not_part_of_the_first_name(read):
    header, _, _ = read(b"\xef\xbb\xbftext,label\na,x\n")

    assert header == ["text", "label"]


def test_other_encodings_are_read_when_named(read):
    assert read("text,label\ncafé,x\n".encode("latin-1"), encoding="latin-1")[1][0]["text"] == "café"
    assert read("text,label\ncafé,x\n".encode("utf-16"), encoding="utf-16")[0] == ["text", "label"]


def test_all_ragged_rows_are_listed_with_their_lines(read):
    with pytest.raises(DataError) as caught:
        read("text,label\na,x\nb\nc,x\nd,x,y\n")

    assert caught.value.problems == [
        "posts.csv:3: 1 cells where the header has 2; quote cells that hold ',', fill in missing ones",
        "posts.csv:5: 3 cells where the header has 2; quote cells that hold ',', fill in missing ones",
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"text,label\na,x\n\xe9t\xe9,y\n", r"posts\.csv:3: byte 0xe9 is not utf-8; name the file's encoding"),
        (b"\xff\xfet\x00", r"posts\.csv:1: begins with the mark of UTF-16; write `encoding: utf-16`"),
        (b'text,label\na,x\n"b,y\nc,z\n', r"posts\.csv:3: a quote opened in this row is never closed"),
        (b'text,label\na,x\n"b"c,y\n', r"posts\.csv:3: ',' expected after '\"'"),
        (b"text,text\na,x\n", r"posts\.csv:1: header name 'text' stands twice"),
        (b"", r"posts\.csv: is empty"),
    ],
)
def test_a_broken_file_is_refused_with_its_row(read, content, complaint):
    with pytest.raises(DataError, match=complaint):
        read(content)


@pytest.mark.parametrize(("separator", "written"), [(";", "';'"), ("\t", r'"\\t"'), ("|", r"'\|'")])
def test_the_wrong_delimiter_is_recognised(read, separator, written):
    with pytest.raises(DataError, match=rf"is one column split at ','; write `delimiter: {written}`"):
        read(f"text{separator}label\na{separator}x\n", needed=["text", "label"])


def test_a_single_column_is_fine_when_it_is_the_one_needed(read):
    assert read("text\na; b\n", needed=["text"])[1] == [{"text": "a; b"}]


def test_a_cell_of_a_million_characters_is_read_and_the_modules_limit_restored(read):
    before = csv.field_size_limit()

    _, records, _ = read(f"text,label\n{'x' * 1_000_000},a\n")

    assert len(records[0]["text"]) == 1_000_000
    assert csv.field_size_limit() == before


def test_reading_stops_after_max_rows(read):
    assert len(read("text,label\na,x\nb,y\nragged\n", max_rows=2)[1]) == 2


def test_an_unknown_encoding_is_refused(read):
    with pytest.raises(DataError, match="encoding 'utf-9' is unknown to Python"):
        read("text\na\n", encoding="utf-9")
