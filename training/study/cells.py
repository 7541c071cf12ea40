"""The cells of a study: one training run for each recipe, size, variant and seed, all validated before the first."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..recipe.recipe import Recipe, load_recipe
from ..recipe.recipe_error import RecipeError
from ..recipe.recipe_yaml import format_value
from .cell_check import check_cell
from .input_hash import input_hash
from .study_file import Study, Variant
from .variant_problems import problem_lines, without_option_form


@dataclass(frozen=True)
class Cell:
    """One training run.

    Args:
        recipe: The recipe file.
        size: Training rows drawn of each data set; None: all.
        variant: Name of the variant.
        seed: Of the run and of the rows that are drawn.
        overrides: What makes the recipe this cell, as `load_recipe` takes it.
        settings_hash: Of the whole recipe with its overrides, as written: paths relative, so that it is the same elsewhere.
        input_hash: Of its data files and of the weights that it starts from; None where nothing will run.
    """

    recipe: Path
    size: int | None
    variant: str
    seed: int
    overrides: tuple[str, ...]
    settings_hash: str
    input_hash: str | None = None

    @property
    def place(self) -> tuple[str, int | None, str, int]:
        """Where it stands in the study: recipe, size, variant, seed."""
        return self.recipe.stem, self.size, self.variant, self.seed

    @property
    def block(self) -> tuple[str, int | None, int]:
        """What it shares with the other variants that it is compared with: recipe, size, seed."""
        return self.recipe.stem, self.size, self.seed


def plan_cells(study: Study, will_run: bool = True) -> list[Cell]:
    """Return all cells in the order in which they run: all variants at one seed before the second seed.

    A study that is cut short has then compared all variants, on fewer seeds.

    Args:
        study: The study.
        will_run: Its data must be there; a report needs none.

    Raises:
        RecipeError: Lists every problem of every cell, in the recipe checker's words.
    """
    for recipe in study.recipes:
        load_recipe(recipe)  # what is wrong with the recipe alone is told as such
    problems: dict[str, dict[str, None]] = {}
    cells = []
    for seed in study.seeds:
        for recipe in study.recipes:
            for size in study.sizes:
                cells += [
                    cell for v in study.variants if (cell := _cell(study, recipe, size, v, seed, will_run, problems))
                ]
    if problems:
        raise RecipeError(str(study.path), problem_lines(problems, len(study.variants)))
    return cells


def as_overrides(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Write settings as `--set` takes them.

    >>> as_overrides({"train.freeze": [{"part": "backbone"}]})
    ('train.freeze=[{part: backbone}]',)
    """
    return tuple(f"{key}={format_value(value)}" for key, value in settings.items())


def _cell(
    study: Study,
    path: Path,
    size: int | None,
    variant: Variant,
    seed: int,
    will_run: bool,
    problems: dict[str, dict[str, None]],
) -> Cell | None:
    chosen = study.settings | variant.settings
    try:
        recipe = load_recipe(path, as_overrides(chosen))
        own = _size_settings(recipe, size, seed) | {"train.seed": seed}
        _refuse_both(chosen, own)
        overrides = as_overrides(chosen | own)
        recipe = load_recipe(path, overrides)
        if will_run:
            check_cell(recipe)
        read = input_hash(recipe) if will_run else None
    except RecipeError as error:
        written = dict(zip(chosen, as_overrides(chosen), strict=True))
        for problem in without_option_form(error.problems, written):
            problems.setdefault(problem, {})[variant.name] = None
        return None
    return Cell(
        path,
        size,
        variant.name,
        seed,
        overrides,
        settings_hash(recipe.content),
        read,
    )


def settings_hash(content: Mapping[str, Any]) -> str:
    """Return 12 hexadecimal digits that change with any value of a recipe."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _size_settings(recipe: Recipe, size: int | None, seed: int) -> dict[str, Any]:
    if size is None:
        return {}
    trained = [position for position, source in enumerate(recipe.data) if source.train or source.dataset]
    return {
        f"data.{position}.{key}": value
        for position in trained
        for key, value in (("sample_rows", size), ("sample_seed", seed))
    }


def _refuse_both(chosen: Iterable[str], own: Mapping[str, Any]) -> None:
    both = [key for key in chosen if key in own]
    if both:
        raise RecipeError("", [f"{key}: the study's seeds and sizes say this; leave it out here" for key in both])
