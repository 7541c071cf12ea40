"""The sizes of a study against the rows that there are."""

from ..data.tables import read_table
from ..recipe.recipe import load_recipe
from ..recipe.recipe_error import RecipeError
from .study_file import Study


def check_sizes(study: Study) -> None:
    """Refuse a size that no data set of a recipe has: its runs would be named after rows that they never saw.

    What the Hub holds, and streams, are not counted.

    Raises:
        DataError: A data set cannot be read.
        RecipeError: Lists the sizes and what there is.
    """
    problems = []
    for path in study.recipes if any(study.sizes) else []:
        trained = [source for source in load_recipe(path).data if source.train or source.dataset]
        if any(source.dataset or source.streaming for source in trained):
            continue
        most = max((len(read_table(source, "train").records) for source in trained), default=0)
        problems += [
            f"sizes: {size} came, but no data set of {path.name} has more than {most} training rows; write `all`"
            for size in study.sizes
            if size is not None and size > most
        ]
    if problems:
        raise RecipeError(str(study.path), problems)
