"""What a study file may say, and how it is told what is wrong with it."""

import pytest

from polyhead.training.recipe.recipe_error import RecipeError
from polyhead.training.study.cells import plan_cells

GRID = "recipe: recipe.yaml\nvary: {train.freeze: [null, [{part: backbone}]], train.layer_decay: [1.0, 0.9]}\n"


def problems_of(study_of, text):
    with pytest.raises(RecipeError) as error:
        plan_cells(study_of(text))
    return error.value.problems


def test_a_mapping_is_a_grid_and_its_first_variant_the_baseline(study_of):
    study = study_of(GRID)
    names = ["freeze null, layer_decay 1.0", "freeze null, layer_decay 0.9"]
    names += ["freeze [{part: backbone}], layer_decay 1.0", "freeze [{part: backbone}], layer_decay 0.9"]
    assert [variant.name for variant in study.variants] == names
    assert study.variants[3].settings == {"train.freeze": [{"part": "backbone"}], "train.layer_decay": 0.9}
    assert study.baseline == names[0]


def test_a_list_names_its_variants_and_the_baseline_can_be_any(study_of):
    study = study_of(
        "recipe: recipe.yaml\nvary: [{name: a}, {name: b, train.seed: 1, model.max_length: 8}]\nbaseline: b"
    )
    assert [(variant.name, variant.settings) for variant in study.variants] == [
        ("a", {}),
        ("b", {"train.seed": 1, "model.max_length": 8}),
    ]
    assert study.baseline == "b"


def test_keys_that_end_alike_are_told_apart_in_names(study_of):
    study = study_of("recipe: recipe.yaml\nvary: {tasks.topic.weight: [1.0], tasks.mood.weight: [2.0]}")
    assert study.variants[0].name == "tasks.topic.weight 1.0, tasks.mood.weight 2.0"


def test_seeds_count_from_42_or_are_listed(study_of):
    assert study_of(GRID).seeds == [42, 43, 44]
    assert study_of(GRID + "seeds: [7, 5]").seeds == [7, 5]


def test_all_variants_come_at_one_seed_before_the_second_seed(study_of):
    cells = plan_cells(study_of(GRID + "sizes: [8, all]\nseeds: 2"))
    variants = [variant.name for variant in study_of(GRID).variants]
    assert [cell.place for cell in cells] == [
        ("recipe", size, variant, seed) for seed in (42, 43) for size in (8, None) for variant in variants
    ]


def test_a_size_draws_rows_of_every_training_data_set_by_the_seed(study_of):
    cells = plan_cells(study_of(GRID + "sizes: [8, all]\nseeds: [5]"))
    assert cells[0].overrides[2:] == ("data.0.sample_rows=8", "data.0.sample_seed=5", "train.seed=5")
    assert cells[-1].overrides[2:] == ("train.seed=5",)


def test_the_hash_changes_with_what_is_trained_and_with_nothing_else(study_of):
    before = {cell.place: cell.settings_hash for cell in plan_cells(study_of(GRID))}
    assert len(set(before.values())) == 12
    after = {c.place: c.settings_hash for c in plan_cells(study_of(GRID.replace("1.0, 0.9", "1.0, 0.9, 0.8")))}
    assert before.items() <= after.items()
    changed = {c.place: c.settings_hash for c in plan_cells(study_of(GRID + "set: {train.num_train_epochs: 3}"))}
    assert not set(before.values()) & set(changed.values())
    pooled = {c.place: c.settings_hash for c in plan_cells(study_of(GRID + "set: {model.pooling: max}"))}
    assert not set(before.values()) & set(pooled.values())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            GRID.replace("freeze", "freze"),
            "train.freze: unknown key; closest is 'freeze'",
        ),
        (
            GRID.replace("1.0, 0.9", "1.0, many"),
            "variant 'freeze null, layer_decay many': train.layer_decay: 'many' came; write a number",
        ),
        (GRID.replace("train.freeze", "tasks.topc.weight"), "no item of 'tasks' is named 'topc'; closest is 'topic'"),
        (GRID.replace("[{part: backbone}]", "[{parts: backbone}]"), "freeze: 'parts' is unknown; closest is 'part'"),
        (
            GRID.replace("train.freeze: [null, [{part: backbone}]]", "train.seed: [1, 2]"),
            "train.seed: the study's seeds",
        ),
        (GRID.replace("vary", "vry"), "vry: unknown key; closest is 'vary'"),
        (GRID + "seeds: no", "seeds: 'no' came; write an integer or"),
        (GRID + "seeds: 0", "seeds: none came"),
        (GRID + "sizes: [all, 0]", "sizes: 0 came"),
        (GRID + "sizes: [all, all]", "sizes: a value stands twice"),
        (GRID + "baseline: non", "baseline: no variant is named 'non'"),
        (GRID.replace("1.0, 0.9", ""), "vary.train.layer_decay: no values came"),
        (GRID.replace("recipe.yaml", "rcipe.yaml"), "no such file"),
        ("recipe: recipe.yaml\nvary: [{name: a}, {train.seed: 1}]", "vary.1.name: None came"),
        ("recipe: recipe.yaml\nvary: [{name: a}, {name: a}]", "two variants are named 'a'"),
        ("recipe: [recipe.yaml, ./recipe.yaml]\nvary: [{name: a}]", "recipe: two are named 'recipe'"),
        ("tasks: []\nmodel: {}", "is a recipe; write a study file"),
        ("", "is empty; write the sections recipe and vary"),
    ],
)
def test_whatever_is_wrong_is_told_before_anything_runs(study_of, text, problem):
    assert any(problem in told for told in problems_of(study_of, text)), problems_of(study_of, text)


def test_what_is_wrong_in_all_variants_is_told_once(study_of, folder):
    (folder / "train.jsonl").unlink()
    problems = problems_of(study_of, GRID)
    assert len(problems) == 1
    assert problems[0].startswith("data.tiny.train: ")
    assert "train.jsonl does not exist" in problems[0]


def test_a_value_where_a_list_belongs_is_told_once_at_its_own_key(study_of):
    text = "recipe: recipe.yaml\nvary: {train.layer_decay: 0.9}"
    assert problems_of(study_of, text) == ["vary.train.layer_decay: 0.9 came; write a list"]


def test_a_starting_checkpoint_that_is_not_there_is_told_once_by_its_key(study_of):
    (problem,) = problems_of(study_of, GRID + "set: {model: {checkpoint: ./gone}}")
    assert problem.startswith("model.checkpoint: no folder ")


def test_a_recipe_without_validation_rows_gives_nothing_to_compare(study_of, folder):
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("validation: train.jsonl, ", ""))
    assert "no data set has a validation split" in problems_of(study_of, GRID)[0]
