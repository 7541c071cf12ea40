"""The lines of a study, brought together: each variant at each recipe and size, against the baseline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from .cells import Cell
from .results_file import Line, place_of
from .statistics import Mean, holm, mean_with_interval, permutation_p


@dataclass
class VariantResult:
    """One variant at one recipe and size.

    Args:
        name: Of the variant.
        lines: By seed (of all recipes together: by recipe and seed), of the cells that did not fail.
        num_failed: Cells that did.
        num_absent: Cells that did not run.
    """

    name: str
    lines: dict[Any, Line] = field(default_factory=dict)
    num_failed: int = 0
    num_absent: int = 0

    @property
    def score(self) -> Mean:
        """The multi-task score on validation over the seeds; there must be a line."""
        return mean_with_interval([line["score"] for line in self.lines.values()])

    @property
    def cost(self) -> float:
        """Mean seconds of training: of the processor where it trained there, else of the clock.

        Other work on the machine stretches those of the clock.
        """
        return self.mean(_seconds) or 0.0

    def mean(self, value: Callable[[Line], float | None]) -> float | None:
        """Return the mean over the seeds of something in each line; None where no line has it."""
        found = [number for line in self.lines.values() if (number := value(line)) is not None]
        return fmean(found) if found else None


def _seconds(line: Line) -> float:
    is_on_processor = line["versions"]["device"] == "cpu"
    return float(line["processor_seconds" if is_on_processor else "seconds"])


@dataclass(frozen=True)
class Difference:
    """How much better one variant is than another, at the same seeds.

    Args:
        mean: Of the differences between the scores, one a seed.
        p: Of the paired permutation test.
        holm_p: Adjusted for all comparisons with the baseline; None for one that is not with the baseline.
    """

    mean: Mean
    p: float
    holm_p: float | None = None


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
        """The measured variants, the best first; one with more seeds goes before one with fewer."""
        most = max((len(variant.lines) for variant in self.variants), default=0)
        return sorted(self.measured, key=lambda v: (len(v.lines) < most, -v.score.value))

    def variant(self, name: str) -> VariantResult:
        """Return a variant by its name."""
        return next(variant for variant in self.variants if variant.name == name)

    def differences(self) -> dict[str, Difference]:
        """Return each variant's difference from the baseline, where they have a seed in common."""
        baseline = self.variant(self.baseline)
        found = {v.name: d for v in self.variants if v is not baseline and (d := difference(v, baseline))}
        adjusted = holm({name: found[name].p for name in found})
        return {name: Difference(d.mean, d.p, adjusted[name]) for name, d in found.items()}


def difference(one: VariantResult, other: VariantResult) -> Difference | None:
    """Compare two variants at the seeds that both have; None where they have none."""
    seeds = [seed for seed in one.lines if seed in other.lines]
    if not seeds:
        return None
    values = [one.lines[seed]["score"] - other.lines[seed]["score"] for seed in seeds]
    return Difference(mean_with_interval(values), permutation_p(values))


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
