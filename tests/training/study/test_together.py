"""All recipes of a study as one comparison."""

import shutil

import pytest

from polyhead.training.study.cells import plan_cells
from polyhead.training.study.comparison import compare
from polyhead.training.study.report import write_report
from polyhead.training.study.together import together

STUDY = """\
recipe: [recipe.yaml, other.yaml]
vary: [{name: base}, {name: good, train.layer_decay: 0.9}]
seeds: 2
sizes: [10, 20]
"""
SCORES = {  # recipe, variant: one score a seed, for ten rows
    ("recipe", "base"): [0.5, 0.6],
    ("recipe", "good"): [0.6, 0.8],
    ("other", "base"): [0.1, 0.1],
    ("other", "good"): [0.1, None],
}


@pytest.fixture
def study(folder, study_of):
    """A study of two recipes."""
    shutil.copy(folder / "recipe.yaml", folder / "other.yaml")
    return study_of(STUDY)


@pytest.fixture
def lines_of(study):
    """Return a function from scores by recipe and variant to lines of the cells of ten rows."""
    return lambda scores: [
        {
            **dict(zip(("recipe", "size", "variant", "seed"), cell.place, strict=True)),
            "score": score,
            "tasks": {"topic": {"metric": "accuracy", "value": score}},
            "seconds": 10.0,
            "processor_seconds": 8.0 if cell.variant == "base" else 2.0,
            "examples_per_second": 5.0,
            "memory_bytes": 2**20,
            "versions": {"device": "cpu"},
        }
        for cell in plan_cells(study)
        if cell.size == 10 and (score := scores[cell.recipe.stem, cell.variant][cell.seed - 42]) is not None
    ]


def test_recipes_are_compared_at_the_seeds_that_every_variant_has(study, lines_of):
    [found] = together(compare(plan_cells(study), study.baseline, lines_of(SCORES)))  # twenty rows: nothing ran

    assert (found.recipe, found.size) == ("all recipes", 10)
    mean = found.differences()["good"].mean
    assert mean.num_values == 3  # other at seed 43 has no partner
    assert mean.value == pytest.approx((0.1 + 0.2 + 0.0) / 3)


def test_one_recipe_alone_is_not_together(study, lines_of):
    scores = SCORES | {("other", "good"): [None, None]}
    assert together(compare(plan_cells(study), study.baseline, lines_of(scores))) == []


def test_the_report_tells_which_runs_are_together_and_what_they_cost(study, lines_of):
    cells, lines = plan_cells(study), lines_of(SCORES)

    report = write_report(study, cells, lines, compare(cells, study.baseline, lines), [])

    head, table = report.split("## All recipes, 10 rows\n\n")
    assert "(recipe: 42, 43; other: 42), as 3 differences" in table
    assert "| good | +0.1000 | -0.1484 to +0.3484 | 0.5 | 0.5 | 0.25 |" in table
    assert "## recipe, 10 rows" in head
