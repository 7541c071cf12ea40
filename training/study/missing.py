"""What a study has no good result of."""

from collections import Counter
from collections.abc import Sequence

from .cells import Cell
from .results_file import Line, place_of


def what_is_missing(cells: Sequence[Cell], lines: Sequence[Line]) -> list[str]:
    """Return a sentence each on runs that were left out, that were made with other settings, and that failed.

    Args:
        cells: All of the study.
        lines: Results, of some of them.
    """
    by_place = {place_of(line): line for line in lines}
    absent = [cell for cell in cells if cell.place not in by_place]
    changed = [
        cell
        for cell in cells
        if by_place.get(cell.place, {}).get("settings_hash", cell.settings_hash) != cell.settings_hash
    ]
    failed = [line for cell in cells if "error" in (line := by_place.get(cell.place, {}))]
    told = []
    if absent:
        by_section = Counter(place_title(cell.recipe.stem, cell.size) for cell in absent)
        shown = "; ".join(f"{title}: {count}" for title, count in by_section.items())
        told.append(f"**Left out: {len(absent)} of {len(cells)} runs**, {shown}.")
    if changed:
        told.append(f"**{len(changed)} runs were made with other settings** than the recipe has now.")
    if failed:
        shown = _listed([f"{_describe(*place_of(line))}: {line['error']}" for line in failed])
        told.append(f"**Failed: {len(failed)} runs**, {shown}.")
    return told


def _describe(recipe: str, size: int | None, variant: str, seed: int) -> str:
    return f"{place_title(recipe, size)}, {variant}, seed {seed}"


def _listed(items: Sequence[str], most: int = 5) -> str:
    return "; ".join(items[:most]) + (f"; and {len(items) - most} more" if len(items) > most else "")


def place_title(recipe: str, size: int | None) -> str:
    """Name a recipe and a number of training rows."""
    return f"{recipe}, {'all rows' if size is None else f'{size} rows'}"
