"""What a subject finds: rows of the table of targets, rates, curves. All of it goes to JSON as it is."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

FEW_ROUNDS = 10  # below, the spread is from the least to the greatest


@dataclass(frozen=True)
class Spread:
    """A median with what lies around it.

    Args:
        median: Of the rounds.
        low: 10th percentile, or the least of few rounds.
        high: 90th percentile, or the greatest of few rounds.
        rounds: How many.
    """

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of one number a round."""
        ends = (0, 100) if len(values) < FEW_ROUNDS else (10, 90)
        low, high = np.percentile(values, ends)
        return cls(statistics.median(values), float(low), float(high), len(values))

    @classmethod
    def of_ratios(cls, above: Sequence[float], below: Sequence[float]) -> "Spread":
        """Return the spread of the ratio in each round."""
        return cls.of([one / other for one, other in zip(above, below, strict=True)])


@dataclass(frozen=True)
class Check:
    """Proof that contenders gave the same: a fast wrong answer is no measurement.

    Args:
        what: Is compared.
        found: A number.
        at_most: The greatest that is right.
        at_least: The least that is right.
    """

    what: str
    found: float
    at_most: float | None = None
    at_least: float | None = None

    @property
    def is_right(self) -> bool:
        """NaN never is."""
        return (self.at_most is None or self.found <= self.at_most) and (
            self.at_least is None or self.found >= self.at_least
        )


@dataclass(frozen=True)
class Row:
    """One line of the table of targets.

    Args:
        work: What was done.
        against: Compared with what.
        target: `>= 1.7` or `<= 1.05`; empty: there is none.
        measured: None: nothing was, and `note` says why.
        unit: `x` for ratios, `s` for seconds.
        checks: That the results are right; one that fails makes the row fail.
        note: What else must be known.
    """

    work: str
    against: str
    target: str
    measured: Spread | None
    unit: str = "x"
    checks: Sequence[Check] = ()
    note: str = ""

    @property
    def is_right(self) -> bool:
        """Whether all results are."""
        return all(check.is_right for check in self.checks)

    @property
    def met(self) -> bool | None:
        """None: there is no target, or nothing was measured."""
        if not self.is_right:
            return False
        if self.measured is None or not self.target:
            return None
        relation, limit = self.target.split()
        return self.measured.median >= float(limit) if relation == ">=" else self.measured.median <= float(limit)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON holds."""
        checks = [{**asdict(check), "is_right": check.is_right} for check in self.checks]
        return {"kind": "row", **asdict(self), "checks": checks, "is_right": self.is_right, "met": self.met}


@dataclass(frozen=True)
class Rate:
    """An absolute figure, which holds for this machine alone.

    Args:
        contender: Who.
        value: How much.
        unit: `texts/s`, for example.
    """

    contender: str
    value: float
    unit: str

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON holds."""
        return {"kind": "rate", **asdict(self)}


@dataclass(frozen=True)
class Curve:
    """How a figure grows.

    Args:
        name: Of the curve.
        x: What the points are over.
        y: What they show.
        lines: By contender, points (x, y).
    """

    name: str
    x: str
    y: str
    lines: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON holds."""
        return {"kind": "curve", **asdict(self)}


Finding = Row | Rate | Curve


def largest_difference(found: Sequence[Any], expected: Sequence[Any]) -> float:
    """Return the largest difference of two lists of arrays, infinite where a shape differs."""
    differences = [0.0]
    for one, other in zip(found, expected, strict=True):
        first, second = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
        differences.append(float(np.abs(first - second).max()) if first.shape == second.shape else float("inf"))
    return float(np.max(differences))  # not max(): NaN must stay
