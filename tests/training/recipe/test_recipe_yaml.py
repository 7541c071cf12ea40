import pytest

from polyhead.training.recipe.recipe_error import RecipeError
from polyhead.training.recipe.recipe_yaml import format_yaml, parse_yaml, read_recipe_file


@pytest.mark.parametrize(
    ("written", "meant"),
    [("1e-5", 0.00001), ("3E+2", 300.0), ("1.5e3", 1500.0), (".5e1", 5.0), ("-2e0", -2.0), ("7", 7), ("0.25", 0.25)],
)
def test_numbers_are_read_as_people_write_them(written, meant):
    value = parse_yaml(f"rate: {written}", "r.yaml")["rate"]

    assert value == meant
    assert type(value) is type(meant)


def test_no_yes_on_and_off_stay_text():
    assert parse_yaml("[no, yes, on, off, true, False]", "r.yaml") == ["no", "yes", "on", "off", True, False]


def test_words_that_look_a_little_like_numbers_stay_text():
    assert parse_yaml("[1e5x, e5, 1-2]", "r.yaml") == ["1e5x", "e5", "1-2"]


def test_duplicate_keys_are_refused_with_both_lines():
    with pytest.raises(RecipeError, match=r"line 3, column 1: key 'model' stands twice, first in line 1; keep one"):
        parse_yaml("model: a\ndata: b\nmodel: c\n", "r.yaml")


def test_anchors_are_copied_so_that_they_can_be_changed_one_by_one():
    value = parse_yaml("a: &x {k: 1}\nb: *x\nc: {<<: *x, k: 2}\n", "r.yaml")

    value["a"]["k"] = 5

    assert value == {"a": {"k": 5}, "b": {"k": 1}, "c": {"k": 2}}


@pytest.mark.parametrize("text", ["!!python/object/apply:os.getcwd []", "a: !secret x"])
def test_tags_are_refused(text):
    with pytest.raises(RecipeError, match=r"line 1, column \d+: could not determine a constructor for the tag"):
        parse_yaml(text, "r.yaml")


def test_an_alias_inside_itself_is_refused():
    with pytest.raises(RecipeError, match="cannot be read as YAML"):
        parse_yaml("a: &x [*x]", "r.yaml")


def test_aliases_that_unfold_without_end_are_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    with pytest.raises(RecipeError, match="unfold into more than 100000 values"):
        parse_yaml("\n".join(lines), "r.yaml")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"- a\n- b\n", "holds a list"),
        (b"just words", "holds a str"),
        (b"\xff\xfe\x00\x01", "byte 0 is not UTF-8"),
        (b"a: \x00\x01", "not text"),
        (b"a: [1, 2\nb: 3\n", "line 2, column"),
        (b"a:\n\t- b\n", "line 2, column 1"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_with_its_place(tmp_path, content, complaint):
    (tmp_path / "r.yaml").write_bytes(content)

    with pytest.raises(RecipeError, match=complaint):
        read_recipe_file(tmp_path / "r.yaml")


def test_a_missing_recipe_and_a_directory_are_refused(tmp_path):
    with pytest.raises(RecipeError, match="no such file"):
        read_recipe_file(tmp_path / "absent.yaml")
    with pytest.raises(RecipeError, match="is a directory"):
        read_recipe_file(tmp_path)


def test_what_is_written_is_read_back_as_it_was():
    content = {
        "labels": ["no", "1e5", "01", "null", "~", "", "ä: #", "a\nb", "1_0", "yes"],
        "numbers": [1e-5, 1.0, 7, None],
    }
    content |= {"limit": float("inf"), "on": True, "nested": [{"name": "x", "path": "/a b/c.jsonl"}]}

    assert parse_yaml(format_yaml(content), "test") == content
