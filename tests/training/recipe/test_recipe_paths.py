import pytest

from polyhead.training.recipe.recipe_paths import environment_hint, expand_environment, resolve_file


def test_paths_start_from_the_recipes_folder(tmp_path):
    assert resolve_file("../data/t.csv", tmp_path / "recipes") == (tmp_path / "data" / "t.csv").resolve()


def test_an_absolute_path_stays_as_it_is(tmp_path):
    assert resolve_file(str(tmp_path / "t.csv"), tmp_path / "recipes") == (tmp_path / "t.csv").resolve()


def test_a_variable_wins_over_its_default(monkeypatch):
    monkeypatch.setenv("SOME_DATA", "/here")

    assert expand_environment("${SOME_DATA:-there}/t.csv") == "/here/t.csv"


@pytest.mark.parametrize("value", [None, ""])
def test_the_default_stands_in_for_an_unset_or_empty_variable(monkeypatch, value):
    monkeypatch.delenv("SOME_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("SOME_DATA", value)

    assert expand_environment("${SOME_DATA:-there}/t.csv") == "there/t.csv"


def test_an_unset_variable_without_default_says_how_to_set_it(monkeypatch):
    monkeypatch.delenv("SOME_DATA", raising=False)

    with pytest.raises(ValueError, match=r"run `export SOME_DATA=...` or write \$\{SOME_DATA:-default\}"):
        expand_environment("${SOME_DATA}/t.csv")


def test_the_hint_names_the_variables_of_a_path():
    assert "export A=/path/to/it B=/path/to/it" in environment_hint("${A}/${B:-x}/t.csv")
    assert environment_hint("plain/t.csv") == ""
