"""What a study asks of its data sets: rows enough, and a test split where that is measured."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..data.tables import read_table
from ..recipe.recipe import Recipe, load_recipe
from ..recipe.recipe_error import RecipeError
from .cells import Cell
from .study_file import Study


def check_sizes(study: Study, cells: Sequence[Cell]) -> None:
    """Refuse a size that no data set of a cell has: its run would be named after rows that it never saw.

    What the Hub holds, and streams, are not counted.

    Raises:
        DataError: A data set cannot be read.
        RecipeError: Lists the sizes and what there is.
    """
    most: dict[tuple[Path, str | None], int | None] = {}
    problems: dict[str, None] = {}
    for cell in cells:
        if cell.size is None:
            continue
        data = cell.recipe, cell.input_hash
        if data not in most:
            most[data] = _most_rows(load_recipe(cell.recipe, cell.overrides))
        rows = most[data]
        if rows is not None and cell.size > rows:
            told = f"sizes: {cell.size} came, but no data set of {cell.recipe.name} has more than {rows} training rows"
            problems[f"{told}; write `all`"] = None
    if problems:
        raise RecipeError(str(study.path), list(problems))


def require_test_split(cells: Iterable[Cell]) -> None:
    """Refuse recipes without the split that is going to be measured when a cell has been trained.

    Raises:
        RecipeError: Names the first such recipe.
    """
    for cell in cells:
        if not any(source.test or source.dataset for source in load_recipe(cell.recipe, cell.overrides).data):
            told = "data: no data set has a test split, which --test measures on; add one, or leave --test out"
            raise RecipeError(str(cell.recipe), [told])


def _most_rows(recipe: Recipe) -> int | None:
    """Return the training rows of the largest data set; None where that takes more than reading files."""
    trained = [source for source in recipe.data if source.train or source.dataset]
    if not trained or any(source.dataset or source.streaming for source in trained):
        return None
    return max(len(read_table(source, "train").records) for source in trained)
