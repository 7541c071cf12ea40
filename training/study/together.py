"""The recipes of a study as one comparison: what holds whatever the data."""

from collections.abc import Sequence

from .comparison import Section
from .variant_result import VariantResult

ALL_RECIPES = "all recipes"


def together(sections: Sequence[Section]) -> list[Section]:
    """Bring the recipes of each size into one section.

    A recipe's seed counts where every variant has a score at it, so that all variants answer for the same runs.

    Args:
        sections: One for each recipe and size.

    Returns:
        One section for each size at which at least two recipes have such a seed. Its lines are by recipe and seed, so a
        difference is one number for each of these, and its interval is over recipes and seeds alike.
    """
    sizes = dict.fromkeys(section.size for section in sections)
    return [found for size in sizes if (found := _one([s for s in sections if s.size == size])) is not None]


def _one(sections: Sequence[Section]) -> Section | None:
    shared = [(section, seed) for section in sections for seed in _complete_seeds(section)]
    if len({section.recipe for section, _ in shared}) < 2:
        return None
    variants = [
        VariantResult(v.name, {(s.recipe, seed): s.variant(v.name).lines[seed] for s, seed in shared})
        for v in sections[0].variants
    ]
    return Section(ALL_RECIPES, sections[0].size, sections[0].baseline, variants)


def _complete_seeds(section: Section) -> list[int]:
    first, *others = section.variants
    return [seed for seed in first.lines if all(seed in other.lines for other in others)]
