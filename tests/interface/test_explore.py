"""`polyhead explore`: what it writes, and what it refuses. The map itself is used in test_explore_browser.py."""

import json
import re
from pathlib import Path

import pytest

TEXTS = ["the cat", "a dog", "the goal", "a probe", "a play"]


@pytest.fixture
def texts(folder):
    Path("t.txt").write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    return Path("t.txt")


def data_of(file):
    return json.loads(re.search(r'id="data">(.*?)</script>', Path(file).read_text(encoding="utf-8"), re.DOTALL)[1])


def test_the_map_holds_texts_points_and_answers(polyhead, all_kinds, texts):
    result = polyhead("explore", all_kinds, texts, "--output", "map.html")

    assert result.exit_code == 0, result.output
    size = round(Path("map.html").stat().st_size / 1e3)
    assert result.stdout == f"map: map.html (5 texts, {size} kB)\n"
    data = data_of("map.html")
    assert data["texts"] == TEXTS
    assert len({tuple(point) for point in data["points"]}) == 5
    names = ["topic", "toxic", "tags", "affect: valence", "affect: arousal", "grade", "slots"]
    assert [coloring["name"] for coloring in data["colorings"]] == names
    lines = polyhead("predict", all_kinds, *TEXTS, "--tasks", "topic", "--json").stdout.splitlines()
    topics = [json.loads(line)["answers"]["topic"]["label"] for line in lines]
    coloring = data["colorings"][0]
    assert [coloring["labels"][value] for value in coloring["values"]] == topics
    assert [shown.split()[0] for shown in data["shown"]["topic"]] == topics


def test_a_column_of_a_table_is_read_and_the_method_chosen(polyhead, trained, folder):
    Path("t.csv").write_text("id,title\n1,a cat\n2,a dog\n3,a goal\n", encoding="utf-8")
    result = polyhead("explore", trained, "t.csv", "--column", "title", "--method", "pca", "--output", "map.html")
    assert result.exit_code == 0, result.output
    assert data_of("map.html")["texts"] == ["a cat", "a dog", "a goal"]
    assert "PCA" in Path("map.html").read_text(encoding="utf-8")


def test_a_plain_encoder_has_a_map_without_colours(polyhead, make_model, texts, folder):
    make_model([]).save_pretrained("plain")
    result = polyhead("explore", "plain", texts, "--output", "map.html")
    assert result.exit_code == 0, result.output
    assert data_of("map.html")["colorings"] == []


def test_unreadable_texts_are_left_out_when_asked_and_counted(polyhead, trained, texts):
    texts.write_text("a\n\nb\nc\n", encoding="utf-8")
    result = polyhead("explore", trained, texts, "--output", "map.html", "--on-bad", "flag")
    assert result.exit_code == 0, result.output
    assert "1 of 4 texts cannot be read and are left out" in result.stderr
    assert data_of("map.html")["texts"] == ["a", "b", "c"]


# Files beside the model, the command after `explore`, and parts of the message.
# fmt: off
MISTAKES = {
    "no file": ({}, "TRAINED no.txt --output m.html", "does not exist", "no.txt", "give a .txt"),
    "a blank line": ({"t.txt": "a\n\nb\n"}, "TRAINED t.txt --output m.html", "empty or blank", "t.txt:2", "--on-bad flag"),
    "too few texts": ({"t.txt": "a\nb\n"}, "TRAINED t.txt --output m.html", "2 texts came", "map", "Give more"),
    "pairs": (
        {"t.csv": "a,b\nx,y\n"}, "TRAINED t.csv --column a --column b --output m.html", "two columns", "map", "name one"),
    "output of another kind": ({"t.txt": "a"}, "TRAINED t.txt --output m.png", "'.png'", "--output m.png", "name a .html"),
    "output that exists": ({"m.html": "", "t.txt": "a"}, "TRAINED t.txt --output m.html", "exists", "m.html", "new file"),
    "no model": ({"t.txt": "a"}, "no/model t.txt --output m.html", "'no/model'", "cannot be loaded", "Check the"),
    "not text": ({"t.txt": b"\xff\xfe"}, "TRAINED t.txt --output m.html", "byte 0xff", "t.txt:1", "saved as UTF-8"),
}
# fmt: on


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_ends_with_exit_code_2_and_what_where_and_how(name, assert_mistake):
    files, command, *parts = MISTAKES[name]
    assert_mistake(files, f"explore {command}", *parts)
