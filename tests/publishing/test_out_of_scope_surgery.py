"""Training rows go where their head goes: into, out of and between folders that hold them, and never without it."""

import dataclasses

import numpy as np
import pytest
from safetensors.numpy import load_file

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.modeling.scope_polyhead import SCOPE, Scope
from polyhead.publishing.head_surgery import merge_heads, replace_head
from polyhead.publishing.trained_head import take_heads
from polyhead.publishing.verification import verify_folder

TEXTS = ["the cat", "a dog!", "zebra"]
ROWS = {"topic": TEXTS[:1], "genre": TEXTS[1:2]}  # what each task was trained on


@pytest.fixture
def model(make_model):
    """Two tasks that tell what is out of scope by training rows of their own, and one that does not."""
    told = [TaskConfig(name=name, kind="single_label_classification", labels=["a", "b"]) for name in ROWS]
    told = [dataclasses.replace(task, max_out_of_scope=0.01) for task in told]
    made = make_model([*told, TaskConfig(name="plain", kind="single_label_classification", labels=["c", "d"])])
    made.scopes = {name: Scope.of(made.encode(texts)) for name, texts in ROWS.items()}
    return made


@pytest.fixture
def folder(model, tmp_path):
    model.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def operate(polyhead, folder):
    """Return a function that changes heads, `MODEL` being the folder, and gives the new folder, proved and verified."""

    def _operate(*arguments, into):
        output = folder.with_name(into)
        given = [folder if argument == "MODEL" else argument for argument in arguments]
        result = polyhead("heads", *given, "--output", output)
        assert result.exit_code == 0, result.output
        assert output.is_file() or not verify_folder(output).problems
        return output

    return _operate


def kept(folder):
    """Return the training rows in a folder, by task."""
    file = folder / SCOPE
    return (
        {name.removesuffix(".training_rows"): rows for name, rows in load_file(file).items()} if file.exists() else {}
    )


def assert_kept(folder, expected):
    found = kept(folder)
    assert found.keys() == expected.keys()
    for name, scope in expected.items():
        np.testing.assert_array_equal(found[name], scope.training_rows)


def withheld(folder, name):
    answers = PolyheadModel.from_pretrained(folder).predict(TEXTS, tasks=[name], abstain=True)[name]
    return [answer["reason"] is not None for answer in answers]


def test_a_dropped_heads_rows_go_and_the_others_stay(operate, model):
    assert_kept(operate("drop", "MODEL", "topic", into="out"), {"genre": model.scopes["genre"]})
    left = operate("drop", operate("drop", "MODEL", "topic", into="one"), "genre", into="none")
    assert not (left / SCOPE).exists()


def test_rows_carry_the_new_name_of_their_head(operate, model):
    renamed = operate("rename", "MODEL", "topic", "subject", into="out")
    assert_kept(renamed, {"subject": model.scopes["topic"], "genre": model.scopes["genre"]})
    assert withheld(renamed, "subject") == [False, True, True]


def test_merged_models_keep_the_rows_of_both(operate, model):
    first, second = operate("drop", "MODEL", "genre", into="first"), operate("drop", "MODEL", "topic", into="second")
    merged = operate("merge", first, second, "--tasks", "genre", into="merged")
    assert_kept(merged, model.scopes)
    assert withheld(merged, "topic") == [False, True, True]
    assert withheld(merged, "genre") == [True, False, True]


def test_rows_of_heads_that_are_not_taken_stay_behind(operate, model):
    own = operate("drop", operate("drop", "MODEL", "plain", into="two"), "genre", into="own")
    assert_kept(operate("merge", own, "MODEL", "--tasks", "plain", into="merged"), {"topic": model.scopes["topic"]})


def test_a_head_without_rows_takes_those_of_the_one_it_replaces_away(operate, model):
    plain = operate("extract", "MODEL", "plain", into="plain.safetensors")
    replaced = operate("replace", "MODEL", "topic", plain, into="out")
    assert_kept(replaced, {"genre": model.scopes["genre"]})
    assert PolyheadModel.from_pretrained(replaced).config.task("topic").max_out_of_scope is None


@pytest.mark.parametrize("name", ["topic", "plain"])
def test_a_head_with_rows_brings_them_under_the_name_of_the_one_it_replaces(name, operate, model):
    genre = operate("extract", "MODEL", "genre", into="genre.safetensors")
    replaced = operate("replace", "MODEL", name, genre, into="out")
    assert_kept(replaced, {**model.scopes, name: model.scopes["genre"]})
    assert withheld(replaced, name) == [True, False, True]


@pytest.mark.parametrize(
    ("command", "rows"),
    [
        ("heads extract MODEL topic --output OUT.safetensors", "out.safetensors"),
        ("export onnx MODEL OUT", SCOPE),
        ("demo MODEL --space OUT", SCOPE),
        ("heads extract MODEL plain --output OUT.safetensors", None),
    ],
)
def test_whoever_makes_something_to_give_away_is_told_of_the_rows_in_it(command, rows, polyhead, folder):
    given = command.replace("MODEL", str(folder)).replace("OUT", str(folder.with_name("out"))).split()
    result = polyhead(*given)
    assert result.exit_code == 0, result.output
    told = f"note: {rows} holds embeddings of training rows, which tell much of their texts" if rows else ""
    assert result.stderr.strip() == told


def test_a_refused_replacement_or_merge_leaves_the_rows_as_they_were(model, make_model):
    before = dict(model.scopes)
    foreign = make_model(
        [TaskConfig(name="genre", kind="single_label_classification", labels=["a", "b"])], pooling="max"
    )
    [head] = take_heads(foreign, ["genre"])
    with pytest.raises(ValueError, match="trained on another model"):
        replace_head(model, "topic", head)
    with pytest.raises(ValueError, match="has a task 'genre' already"):
        merge_heads(model, foreign)
    assert model.scopes == before


def test_a_head_that_no_longer_tells_leaves_its_rows_behind(model):
    model.config.tasks = [dataclasses.replace(task, max_out_of_scope=None) for task in model.config.tasks]
    assert [head.scope for head in take_heads(model, ["topic", "genre"])] == [None, None]
