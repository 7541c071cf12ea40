import pytest

from polyhead.training.data.data_error import DataError
from polyhead.training.data.tables_json import read_json_lines


@pytest.fixture
def read(tmp_path):
    """Write text to a file and read it back as JSON lines."""

    def _read(content, **kwargs):
        file = tmp_path / "posts.jsonl"
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return read_json_lines(file, **kwargs)

    return _read


def test_objects_keep_their_line_numbers_across_blank_lines(read):
    assert read('{"a": 1}\n\n{"a": 2}\r\n') == ([{"a": 1}, {"a": 2}], [1, 3])


def test_a_line_separator_inside_a_string_does_not_end_the_line(read):
    assert read('{"a": "x\u2028y\x85z"}\n')[0] == [{"a": "x\u2028y\x85z"}]


def test_all_broken_lines_are_listed(read):
    with pytest.raises(DataError) as caught:
        read(b'{"a": 1}\n{"a": \n[1]\n{"a": "\xff"}\n{"a": 1, "a": 2}\nnull\n')

    assert [problem.partition(";")[0] for problem in caught.value.problems] == [
        "posts.jsonl:2: not JSON at column 7: Expecting value",
        "posts.jsonl:3: a JSON array came",
        "posts.jsonl:4: byte 8 of the line is not UTF-8",
        "posts.jsonl:5: key 'a' stands twice in the object",
        "posts.jsonl:6: a JSON null came",
    ]


def test_reading_stops_after_max_rows(read):
    assert read('{"a": 1}\n{"a": 2}\nbroken\n', max_rows=2)[1] == [1, 2]
