"""Sizes that no data set has."""

import pytest

from polyhead.training.recipe.recipe_error import RecipeError
from polyhead.training.study.cells import plan_cells
from polyhead.training.study.data_checks import check_sizes

from .conftest import STUDY


def check(study):
    check_sizes(study, plan_cells(study))


def test_a_size_that_no_data_set_has_is_refused_once(study_of):
    with pytest.raises(
        RecipeError, match=r"no data set of recipe.yaml has more than 16 training rows; write `all`"
    ) as caught:
        check(study_of(STUDY + "sizes: [16, 17, all]\n"))
    assert [problem.split(",")[0] for problem in caught.value.problems] == ["sizes: 17 came"]


def test_the_rows_are_those_of_the_data_that_the_study_sets(study_of, folder):
    (folder / "more.jsonl").write_text((folder / "train.jsonl").read_text() * 2)
    study = STUDY.replace("epochs: 1", "epochs: 1, data.0.train: more.jsonl") + "sizes: [32]\n"
    check(study_of(study))
    with pytest.raises(RecipeError, match=r"33 came, .* more than 32 training rows"):
        check(study_of(study.replace("[32]", "[33]")))
