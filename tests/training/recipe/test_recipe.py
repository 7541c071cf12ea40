import pytest
import yaml

from polyhead.training.recipe.recipe import load_recipe
from polyhead.training.recipe.recipe_error import RecipeError


@pytest.fixture
def write(tmp_path):
    """Write a sound recipe with some sections replaced, and return its path."""

    def _write(**sections):
        content = {
            "model": {"backbone": "org/encoder"},
            "tasks": [{"name": "topic", "kind": "single_label_classification"}],
            "data": [{"name": "posts", "train": "train.jsonl", "text": "text", "labels": {"topic": "topic"}}],
            "train": {"learning_rate": 1e-4, "seed": 3},
        }
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump({**content, **sections}), encoding="utf-8")
        return path

    return _write


def problems_of(path, overrides=()):
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    return caught.value.problems


def test_a_sound_recipe_gives_its_sections(write, tmp_path):
    recipe = load_recipe(write())

    assert recipe.model.backbone_location() == "org/encoder"
    assert [task.name for task in recipe.tasks] == ["topic"]
    assert recipe.tasks[0].labels is None
    assert recipe.data[0].file("train") == (tmp_path / "train.jsonl").resolve()
    assert recipe.data[0].file("test") is None
    assert recipe.train == {"learning_rate": 1e-4, "seed": 3}


def test_set_wins_over_the_recipe_and_the_recipe_over_defaults(write):
    recipe = load_recipe(write(), ["train.learning_rate=3e-5", "tasks.topic.weight=2", "data.0.max_rows=100"])

    assert recipe.train == {"learning_rate": 3e-5, "seed": 3}
    assert recipe.tasks[0].weight == 2
    assert recipe.tasks[0].head == "linear"
    assert recipe.data[0].max_rows == 100


def test_set_opens_sections_that_the_recipe_leaves_out(write):
    recipe = load_recipe(write(), ["train.learning_rates.heads=1e-3", "model.prompts.query='query: '"])

    assert recipe.train["learning_rates"] == {"heads": 1e-3}
    assert recipe.model.prompts == {"query": "query: "}


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("train.learning_rat=1", "train.learning_rat: unknown key; closest is 'learning_rate'"),
        ("tasks.topci.weight=1", "no item of 'tasks' is named 'topci'; closest is 'topic'"),
        ("data.4.max_rows=1", "'data' has 1 items, counted from 0; there is no item 4"),
        ("train.seed.x=1", "'train.seed' is 3, which has no keys"),
        ("train.seed", "is not of the form key.path=value"),
        ("modle.pooling=cls", "modle: unknown section; closest is 'model'"),
        ("num_train_epochs=1", "num_train_epochs: unknown section; it belongs to train: train.num_train_epochs"),
        ("max_length=64", "max_length: unknown section; it belongs to model: model.max_length"),
        (
            "train.learning_rate={heads: 1e-3}",
            "train.learning_rate: {'heads': 0.001} came; write a number; 'learning_rates' takes one for each part",
        ),
        ("train.seed={a: 1}", "train.seed: {'a': 1} came; write an integer"),
        ("train.seed=[1", "line 1"),
    ],
)
def test_set_refuses_what_leads_nowhere(write, override, complaint):
    assert any(complaint in problem for problem in problems_of(write(), [override]))


def test_all_problems_are_reported_at_once_with_key_paths(write):
    path = write(
        model={"backbone": "org/encoder", "poolin": "mean", "max_length": "long"},
        tasks=[
            {"name": "topic", "kind": "single_label_classification", "weigth": 2, "head": "mpl", "head_dropout": 3},
            {"name": "tone", "kind": "regresion"},
        ],
        data=[{"name": "posts", "train": "t.jsonl", "text": "text", "labels": {"topic": "t", "tonne": "x"}}],
        train={"seed": "three", "lerning_rate": 1},
    )

    problems = problems_of(path)

    for expected in (
        "model.poolin: unknown key; closest is 'pooling'",
        "model.max_length: 'long' came; write an integer",
        "tasks.topic.weigth: unknown key; closest is 'weight'",
        "tasks.topic.head: 'mpl' is not one of linear, mlp, attention",
        "tasks.topic.head_dropout: 3",
        "tasks.tone.kind: 'regresion' is not one of",
        "data.posts.labels.tonne: no task has this name; closest is 'tone'",
        "train.seed: 'three' came; write an integer",
        "train.lerning_rate: unknown key; closest is 'learning_rate'",
    ):
        assert any(problem.startswith(expected) for problem in problems), expected


def test_the_error_names_the_recipe_and_counts_its_problems(write):
    path = write(train={"sede": 1})

    with pytest.raises(RecipeError, match=r"recipe\.yaml: 1 problem\n  train\.sede: unknown key; closest is 'seed'"):
        load_recipe(path)


@pytest.mark.parametrize("missing", ["model", "tasks", "data"])
def test_a_missing_section_is_named(write, missing):
    assert f"{missing}: missing section; add it" in problems_of(write(**{missing: None}))


@pytest.mark.parametrize(("train", "num_fields"), [(None, 0), ({}, 0), ({"seed": 1}, 1)])
def test_train_may_be_left_out(write, train, num_fields):
    assert len(load_recipe(write(train=train)).train) == num_fields


@pytest.mark.parametrize("train", [0, "", [], "fast"])
def test_train_that_is_no_mapping_is_refused(write, train):
    assert any(problem.startswith("train: ") for problem in problems_of(write(train=train)))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(write, number):
    assert problems_of(write(train={"learning_rate": number}))[0].startswith(f"train.learning_rate: {number} came")


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        ({}, "neither came; give exactly one"),
        ({"backbone": "b", "from_scratch": {"model_type": "bert"}}, "backbone and from_scratch came; give exactly"),
        ({"backbone": "./absent"}, "model.backbone: no folder"),
        ({"backbone": "b", "vocab_size": 100}, "go with from_scratch"),
        ({"backbone": "b", "pooling": ["mean", "maxx"]}, "'maxx' is no pooling; closest is 'max'"),
        ({"backbone": "b", "pooling": []}, "no pooling came; name at least one"),
        ({"backbone": "b", "default_prompt_name": "q"}, "'q' is not in prompts"),
        ({"from_scratch": {"model_type": "brt"}}, "'brt' is unknown to transformers; closest is 'bert'"),
        ({"from_scratch": {"hidden_size": 8}}, "name the architecture"),
        (
            {"from_scratch": {"model_type": "bert", "hiden_size": 8}},
            "model.from_scratch.hiden_size: unknown key; closest is 'hidden_size'",
        ),
        (
            {"from_scratch": {"model_type": "bert", "hidden_size": "wide"}},
            "model.from_scratch.hidden_size: 'wide' came; write an integer",
        ),
    ],
)
def test_a_model_section_that_cannot_be_built_is_refused(write, model, complaint):
    assert any(complaint in problem for problem in problems_of(write(model=model)))


def test_a_backbone_folder_beside_the_recipe_is_found(write, tmp_path):
    (tmp_path / "encoder").mkdir()

    recipe = load_recipe(write(model={"backbone": "encoder"}))

    assert recipe.model.backbone_location() == str((tmp_path / "encoder").resolve())


def test_fields_of_another_architecture_are_accepted_under_its_own_names(write):
    fields = {"model_type": "distilbert", "dim": 32, "n_layers": 2, "hidden_size": 32}

    assert load_recipe(write(model={"from_scratch": fields})).model.from_scratch == fields


def test_labels_that_yaml_reads_as_numbers_are_refused(write):
    tasks = [{"name": "topic", "kind": "single_label_classification", "labels": [0, 1]}]

    assert "tasks.topic.labels.0: 0 came; write a string (put it in quotes to make it text)" in problems_of(
        write(tasks=tasks)
    )


def test_unquoted_numbers_are_fine_as_values_of_the_file(write):
    data = {"name": "d", "train": "t.csv", "text": "text", "labels": {"topic": "t"}, "label_names": {"topic": {0: "a"}}}

    assert load_recipe(write(data=[data])).data[0].label_names == {"topic": {"0": "a"}}
