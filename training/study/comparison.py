"""The lines of a study, brought together: each variant at each recipe and size, against the baseline."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .cells import Cell
from .results_file import Line, place_of
from .statistics import holm
from .variant_result import Difference, VariantResult, difference, has_same_tasks, task_differences


@dataclass
class Section:
    """What is compared with each other: the variants at one recipe and size.

    Args:
        recipe: Name of the recipe.
        size: Training rows of each data set; None: all.
        baseline: Name of the variant to compare with.
        variants: In the study's order.
    """

    recipe: str
    size: int | None
    baseline: str
    variants: list[VariantResult]

    @property
    def measured(self) -> list[VariantResult]:
        """The variants that have a score."""
        return [variant for variant in self.variants if variant.lines]

    @property
    def ranked(self) -> list[VariantResult]:
        """The measured variants at the seeds that most of them have, the best first; of equal ones, the fastest.

        One that lacks such a seed goes last, so a study that was cut short ranks by the seeds at which it is balanced. A
        variant without a task that another one has is not ranked, because its mean is one of fewer things.
        """
        rivals = [variant for variant in self.measured if not self.is_partial(variant)]
        counts = Counter(seed for variant in rivals for seed in variant.lines)
        seeds = {seed for seed, count in counts.items() if 2 * count > len(rivals)}
        found = [variant.at(seeds) if seeds & variant.lines.keys() else variant for variant in rivals]
        return sorted(found, key=lambda v: (not seeds or not seeds <= v.lines.keys(), -v.score.value, v.cost))

    def is_partial(self, variant: VariantResult) -> bool:
        """Whether it lacks a task that another variant answers at the same seed."""
        return any(
            not other.lines[seed]["tasks"].keys() <= line["tasks"].keys()
            for seed, line in variant.lines.items()
            for other in self.variants
            if seed in other.lines
        )

    def variant(self, name: str) -> VariantResult:
        """Return a variant by its name."""
        return next(variant for variant in self.variants if variant.name == name)

    def differences(self) -> dict[str, Difference]:
        """Return each variant's difference from the baseline, where they have a seed in common.

        One whose tasks differ from the baseline's has a difference for each task that both have, as `variant: task`.
        """
        baseline = self.variant(self.baseline)
        found: dict[str, Difference] = {}
        for variant in (variant for variant in self.variants if variant is not baseline):
            whole = difference(variant, baseline)
            if whole:
                found[variant.name] = whole
            elif not has_same_tasks(variant, baseline):
                by_task = task_differences(variant, baseline)
                found |= {f"{variant.name}: {task}": by_task[task] for task in by_task}
        adjusted = holm({name: found[name].p for name in found})
        return {name: replace(found[name], holm_p=adjusted[name]) for name in found}


def compare(cells: Sequence[Cell], baseline: str, lines: Sequence[Line]) -> list[Section]:
    """Bring lines to the cells they are of.

    Args:
        cells: Of the study.
        baseline: Name of the variant to compare with.
        lines: Results; those of no cell are left out, and of two of one cell the later counts.

    Returns:
        A section for each recipe and size, in the study's order.
    """
    by_place = {place_of(line): line for line in lines}
    sections: dict[tuple[str, int | None], dict[str, VariantResult]] = {}
    for cell in cells:
        recipe, size, name, seed = cell.place
        variant = sections.setdefault((recipe, size), {}).setdefault(name, VariantResult(name))
        line = by_place.get(cell.place)
        if line is None:
            variant.num_absent += 1
        elif "error" in line:
            variant.num_failed += 1
        else:
            variant.lines[seed] = line
    return [Section(*key, baseline, list(variants.values())) for key, variants in sections.items()]
