"""What a recipe must have for a cell of a study, beyond what every recipe must."""

import itertools
from pathlib import Path

from ..data.data_error import DataError
from ..data.tables import existing_file
from ..recipe.recipe import Recipe
from ..recipe.recipe_error import RecipeError
from ..recipe.recipe_sections import SPLITS, ModelSection


def check_cell(recipe: Recipe) -> None:
    """Let the training arguments judge what the recipe's own checks cannot, and see that there is something to compare.

    Raises:
        RecipeError: A file is not there, an argument is refused, or no data set has a validation split.
    """
    from ..training import training_arguments  # loads transformers, which a report does without

    if not any(source.validation or source.dataset for source in recipe.data):
        raise RecipeError("", ["data: no data set has a validation split, which variants are compared on; add one"])
    _require_model(recipe.model)
    try:
        for source, split in itertools.product(recipe.data, SPLITS):
            if source.file(split):
                existing_file(source, split)
        training_arguments(recipe, Path("unused"), has_validation=True)
    except DataError as error:
        raise RecipeError("", error.problems) from error
    except ValueError as error:
        raise RecipeError("", [str(error).partition(": ")[2] or str(error)]) from error


def _require_model(model: ModelSection) -> None:
    for key in ("checkpoint", "backbone", "tokenizer"):
        try:
            getattr(model, f"{key}_location")()
        except ValueError as error:
            raise RecipeError("", [f"model.{key}: {error}"]) from error
