"""The runs of one variant, and the difference between two variants."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from ..metrics.multi_task_score import LOWER_IS_BETTER
from .results_file import Line
from .statistics import Mean, mean_with_interval, permutation_p


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

    def at(self, seeds: Collection[Any]) -> "VariantResult":
        """Return it at those of its seeds that are among some."""
        return replace(self, lines={seed: line for seed, line in self.lines.items() if seed in seeds})

    def mean(self, value: Callable[[Line], float | None]) -> float | None:
        """Return the mean over the seeds of something in each line; None where no line has it."""
        found = [number for line in self.lines.values() if (number := value(line)) is not None]
        return fmean(found) if found else None


def _seconds(line: Line) -> float:
    is_on_processor = line["versions"]["device"] == "cpu"
    return float(line["processor_seconds" if is_on_processor else "seconds"])


def _machine(line: Line) -> list[Any]:
    return [line["versions"].get(fact) for fact in ("device", "device_name", "threads")]


@dataclass(frozen=True)
class Difference:
    """How much better one variant is than another, at the same seeds.

    Args:
        variant: Name of the one.
        mean: Of the differences, one a seed.
        p: Of the paired permutation test.
        holm_p: Adjusted for all comparisons with the baseline; None for one that is not with the baseline.
    """

    variant: str
    mean: Mean
    p: float
    holm_p: float | None = None


def difference(one: VariantResult, other: VariantResult) -> Difference | None:
    """Compare the scores of two variants at the seeds that both have; None where they have none, or differ in their tasks."""
    seeds = _shared_seeds(one, other)
    if not seeds or not has_same_tasks(one, other):
        return None
    return _difference(one, [one.lines[seed]["score"] - other.lines[seed]["score"] for seed in seeds])


def time_share(one: VariantResult, other: VariantResult) -> float | None:
    """Return the training time of one variant as a share of another's, at the seeds that both have from one processor.

    Seeds may have come from machines of different speed. None where there is no such seed, or the other took no time.
    """
    seeds = [seed for seed in _shared_seeds(one, other) if _machine(one.lines[seed]) == _machine(other.lines[seed])]
    cost = other.at(seeds).cost
    return one.at(seeds).cost / cost if cost else None


def task_differences(one: VariantResult, other: VariantResult) -> dict[str, Difference]:
    """Compare two variants by the main metric of each task that both answer, at the seeds that both have.

    A metric where lower is better is turned round, so that above 0 is always better.
    """
    values: dict[str, list[float]] = {}
    for seed in _shared_seeds(one, other):
        tasks, others = one.lines[seed]["tasks"], other.lines[seed]["tasks"]
        for name in (name for name in tasks if name in others and tasks[name]["metric"] == others[name]["metric"]):
            sign = -1 if tasks[name]["metric"] in LOWER_IS_BETTER else 1
            values.setdefault(name, []).append(sign * (tasks[name]["value"] - others[name]["value"]))
    return {name: _difference(one, found) for name, found in values.items()}


def has_same_tasks(one: VariantResult, other: VariantResult) -> bool:
    """Whether two variants answer the same tasks at all seeds that both have."""
    shared = _shared_seeds(one, other)
    return all(one.lines[seed]["tasks"].keys() == other.lines[seed]["tasks"].keys() for seed in shared)


def _shared_seeds(one: VariantResult, other: VariantResult) -> list[Any]:
    return [seed for seed in one.lines if seed in other.lines]


def _difference(one: VariantResult, values: list[float]) -> Difference:
    return Difference(one.name, mean_with_interval(values), permutation_p(values))
