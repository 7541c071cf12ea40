"""A study: the YAML file that says which variants of a recipe are compared.

It is a file of its own that names the recipe, not a section of it: the recipe stays what `polyhead train` takes, one recipe can
have many studies, and one study can go over the recipes of several data sets.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..closest_name import suggest_name
from ..recipe.recipe_error import RecipeError
from ..recipe.recipe_paths import resolve_file
from ..recipe.recipe_validation import validate_section
from ..recipe.recipe_yaml import format_value, read_recipe_file

FIRST_SEED = 42


class StudySection(BaseModel):
    """The keys of a study file."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    recipe: str | list[str] = Field(min_length=1, description="Recipe, or several, relative to the study file.")
    vary: dict[str, list[Any]] | list[dict[str, Any]] = Field(
        min_length=1,
        description="A grid: keys of the recipe and their values. Or a list of variants, each a name and its keys.",
    )
    set: dict[str, Any] = Field(default_factory=dict, description="Keys of the recipe that hold for all variants.")
    baseline: str | None = Field(None, description="Name of the variant to compare with; null: the first.")
    seeds: int | list[int] = Field(3, description=f"How many, from {FIRST_SEED}; or which.")
    sizes: list[int | Literal["all"]] = Field(
        ["all"], min_length=1, description="Training rows drawn of each data set, or `all`."
    )


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Args:
        name: Unique in the study.
        settings: Values by key path of the recipe.
    """

    name: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A study that is sound in itself; whether its recipes are, and their variants, is seen in `plan_cells`.

    Args:
        path: The study file.
        recipes: The recipe files.
        variants: In the order of the file; the baseline among them.
        baseline: Name of the variant that the others are compared with.
        seeds: Of the training runs.
        sizes: Rows drawn of each data set; None: all.
        settings: Values by key path that hold for all variants.
    """

    path: Path
    recipes: list[Path]
    variants: list[Variant]
    baseline: str
    seeds: list[int]
    sizes: list[int | None]
    settings: dict[str, Any]

    @property
    def name(self) -> str:
        """What its files are called: that of the study file, without its ending."""
        return self.path.stem


def load_study(path: str | Path) -> Study:
    """Read and validate a study file.

    Raises:
        RecipeError: Lists every problem with its key path.
    """
    content = read_recipe_file(path, "recipe and vary")
    if "vary" not in content and "tasks" in content:
        told = f"is a recipe; write a study file beside it: `recipe: {Path(path).name}` and `vary: {{key: [values]}}`"
        raise RecipeError(str(path), [told])
    problems: list[str] = []
    section = validate_section(StudySection, content, "", problems)
    if section is None or problems:
        raise RecipeError(str(path), problems)
    variants = _variants(section, problems)
    names = [variant.name for variant in variants]
    baseline = names[0] if section.baseline is None and names else section.baseline
    if section.baseline is not None and section.baseline not in names:
        problems.append(f"baseline: no variant is named '{baseline}'; {suggest_name(str(baseline), names)}")
    seeds = section.seeds if isinstance(section.seeds, list) else [FIRST_SEED + n for n in range(section.seeds)]
    sizes = [None if size == "all" else size for size in section.sizes]
    problems += [f"sizes: {size} came; write numbers from 1, or all" for size in sizes if size is not None and size < 1]
    problems += [] if seeds else ["seeds: none came; write a number from 1, or a list"]
    for key, values in (("seeds", seeds), ("sizes", sizes)):
        problems += [f"{key}: a value stands twice; keep one"] if len(set(values)) < len(values) else []
    recipes = _recipes(section, Path(path), problems)
    if problems:
        raise RecipeError(str(path), problems)
    return Study(Path(path), recipes, variants, str(baseline), seeds, sizes, section.set)


def _recipes(section: StudySection, path: Path, problems: list[str]) -> list[Path]:
    recipes = []
    for written in [section.recipe] if isinstance(section.recipe, str) else section.recipe:
        try:
            recipes.append(resolve_file(written, path.resolve().parent))
        except ValueError as error:
            problems.append(f"recipe: {error}")
            continue
        if not recipes[-1].is_file():
            near = suggest_name(recipes[-1].name, sorted(file.name for file in recipes[-1].parent.glob("*.yaml")))
            problems.append(f"recipe: no such file '{written}', seen from the study's folder; {near}")
    stems = [recipe.stem for recipe in recipes]
    problems += [f"recipe: two are named '{stem}'; rename one" for stem in set(stems) if stems.count(stem) > 1]
    return recipes


def _variants(section: StudySection, problems: list[str]) -> list[Variant]:
    found = _grid(section.vary, problems) if isinstance(section.vary, dict) else _named(section.vary, problems)
    names = [variant.name for variant in found]
    problems += [f"vary: two variants are named '{name}'; rename one" for name in set(names) if names.count(name) > 1]
    return found


def _grid(vary: Mapping[str, list[Any]], problems: list[str]) -> list[Variant]:
    problems += [f"vary.{key}: no values came; list at least one" for key, values in vary.items() if not values]
    short = _short_keys(list(vary))
    variants = []
    for values in itertools.product(*vary.values()):
        settings = dict(zip(vary, values, strict=True))
        name = ", ".join(f"{short[key]} {format_value(value)}" for key, value in settings.items())
        variants.append(Variant(name, settings))
    return variants


def _short_keys(keys: Sequence[str]) -> dict[str, str]:
    """Return the last step of each key path, or the whole path where two end alike."""
    last = [key.rpartition(".")[2] for key in keys]
    return {key: step if last.count(step) == 1 else key for key, step in zip(keys, last, strict=True)}


def _named(vary: Sequence[Mapping[str, Any]], problems: list[str]) -> list[Variant]:
    variants = []
    for position, item in enumerate(vary):
        name = item.get("name")
        if not isinstance(name, str) or not name:
            problems.append(f"vary.{position}.name: {name!r} came; give each variant a name of its own")
        else:
            variants.append(Variant(name, {key: value for key, value in item.items() if key != "name"}))
    return variants
