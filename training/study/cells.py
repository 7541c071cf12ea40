"""The cells of a study: one training run for each recipe, size, variant and seed, all validated before the first."""

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.data_error import DataError
from ..data.tables import existing_file
from ..recipe.recipe import Recipe, load_recipe
from ..recipe.recipe_error import RecipeError
from ..recipe.recipe_sections import SPLITS
from ..recipe.recipe_yaml import format_value
from .data_hash import data_hash
from .study_file import Study, Variant


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
        data_hash: Of its data files; None where nothing will run.
    """

    recipe: Path
    size: int | None
    variant: str
    seed: int
    overrides: tuple[str, ...]
    settings_hash: str
    data_hash: str | None = None

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
        raise RecipeError(str(study.path), _lines(problems, len(study.variants)))
    return cells


def require_test_split(cells: Iterable[Cell]) -> None:
    """Refuse recipes without the split that is going to be measured when a cell has been trained.

    Raises:
        RecipeError: Names the first such recipe.
    """
    for cell in cells:
        if not any(source.test or source.dataset for source in load_recipe(cell.recipe, cell.overrides).data):
            told = "data: no data set has a test split, which --test measures on; add one, or leave --test out"
            raise RecipeError(str(cell.recipe), [told])


def _lines(problems: Mapping[str, Iterable[str]], num_variants: int) -> list[str]:
    """Name the variant of each problem, but tell one that all variants have once."""
    lines = []
    for problem, variants in problems.items():
        names = list(variants)
        is_shared = len(names) == num_variants > 1
        lines += [problem] if is_shared else [f"variant '{name}': {problem}" for name in names]
    return lines


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
            _check_training(recipe)
    except RecipeError as error:
        for problem in _plain(error.problems, chosen):
            problems.setdefault(problem, {})[variant.name] = None
        return None
    return Cell(
        path,
        size,
        variant.name,
        seed,
        overrides,
        settings_hash(recipe.content),
        data_hash(recipe) if will_run else None,
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


def _check_training(recipe: Recipe) -> None:
    """Let the training arguments judge what the recipe's own checks cannot, and see that there is something to compare."""
    from ..training import training_arguments

    if not any(source.validation or source.dataset for source in recipe.data):
        raise RecipeError("", ["data: no data set has a validation split, which variants are compared on; add one"])
    try:
        for source, split in itertools.product(recipe.data, SPLITS):
            if source.file(split):
                existing_file(source, split)
        training_arguments(recipe, Path("unused"), has_validation=True)
    except DataError as error:
        raise RecipeError("", error.problems) from error
    except ValueError as error:
        raise RecipeError("", [str(error).partition(": ")[2] or str(error)]) from error


def _plain(problems: Sequence[str], chosen: Mapping[str, Any]) -> list[str]:
    """Take off the form of a command-line option, which nobody has typed."""
    prefixes = [f"--set {override}: " for override in as_overrides(chosen)]
    plain = []
    for problem in problems:
        for prefix, key in zip(prefixes, chosen, strict=True):
            if problem.startswith(prefix):
                problem = f"{key}: {problem.removeprefix(prefix)}"
        plain.append(problem)
    return plain
