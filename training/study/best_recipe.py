"""The best variant of a study as a recipe of its own, ready to train."""

import os
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..recipe.recipe import Recipe, load_recipe
from ..recipe.recipe_paths import expand_environment, resolve_file
from ..recipe.recipe_sections import SPLITS
from ..recipe.recipe_yaml import format_yaml
from .cells import Cell
from .comparison import Section
from .verdict import verdict

_DEFAULT = re.compile(r"^(\$\{[A-Za-z_][A-Za-z0-9_]*:-)([^}]*)(\}.*)$")


def best_recipe(section: Section, cells: Sequence[Cell], file: Path) -> str:
    """Return the recipe of the best variant as text, with paths relative to where it will lie.

    Args:
        section: Where the variants were compared; at least one is ranked.
        cells: Of the study.
        file: Where it will lie.
    """
    best = section.ranked[0]
    seeds = list(best.lines)
    cell = next(
        c
        for c in cells
        if (c.recipe.stem, c.size, c.variant, c.seed) == (section.recipe, section.size, best.name, seeds[0])
    )
    recipe = load_recipe(cell.recipe, cell.overrides)
    content = moved_content(recipe, cell.recipe.resolve().parent, file.resolve().parent)
    told = [
        f"# Purpose: the best variant of a study of {section.recipe}: {best.name}.",
        f"# Command, in this file's folder: polyhead train {file.name} --output runs/{file.stem}",
        f"# Time: {best.cost:.0f} seconds on the machine of the study.",
        f"# Score on validation, mean over seeds {', '.join(map(str, seeds))}: {best.score.value:.4f}.",
        *textwrap.wrap(verdict(section).replace("**", ""), 120, initial_indent="# ", subsequent_indent="#   "),
    ]
    if section.size is not None:
        told.append(
            "# It draws as many training rows as the study; leave sample_rows and sample_seed out to train on all."
        )
    return "\n".join(told) + "\n" + format_yaml(content)


def moved_content(recipe: Recipe, old: Path, new: Path) -> dict[str, Any]:
    """Return a recipe's content as it must be written in another folder to mean the same files.

    Args:
        recipe: The recipe.
        old: Its folder.
        new: The folder it moves to.
    """
    content = recipe.content
    for source in content["data"]:
        source |= {split: moved_path(source[split], old, new) for split in SPLITS if source.get(split)}
    model = content["model"]
    for key in ("backbone", "checkpoint", "tokenizer"):
        written = model.get(key)
        if written and _is_folder(written, old):
            model[key] = moved_path(written, old, new)
    return content


def _is_folder(written: str, old: Path) -> bool:
    """Whether a model is a folder and no name on the Hub; it need not be there, because a report trains nothing."""
    return expand_environment(written).startswith((".", "/", "~")) or resolve_file(written, old).is_dir()


def moved_path(written: str, old: Path, new: Path) -> str:
    """Return how a path that starts from `old` is written in `new`; what an environment variable says stays.

    >>> moved_path("data/a.jsonl", Path("/x/recipes"), Path("/x/runs"))
    '../recipes/data/a.jsonl'
    >>> moved_path("${DATA:-../data}/a.jsonl", Path("/x/recipes"), Path("/x/docs/study"))
    '${DATA:-../../data}/a.jsonl'
    """
    default = _DEFAULT.match(written)
    if default:
        return default[1] + moved_path(default[2], old, new) + default[3]
    if written.startswith(("/", "~", "$")):
        return written
    return Path(os.path.relpath(old / written, new)).as_posix()
