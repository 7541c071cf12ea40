"""What few seeds can say: means with intervals, and differences between runs that share their seed."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

LEVEL = 0.95
_MOST_EXACT = 14  # differences of which all 2 ** n signs are tried
_NUM_DRAWN = 20_000


@dataclass(frozen=True)
class Mean:
    """A mean and how far it can be trusted.

    Args:
        value: The mean.
        low: Lower end of its 95% t interval; None where there is a single value.
        high: Upper end.
        num_values: How many values it is of.
    """

    value: float
    low: float | None
    high: float | None
    num_values: int

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside the interval."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def mean_with_interval(values: Sequence[float]) -> Mean:
    """Return the mean with the 95% t interval, which takes the values as draws from a normal distribution.

    With three values it reaches 2.5 standard deviations to each side.

    Args:
        values: At least one.
    """
    count = len(values)
    mean = float(np.mean(values))
    if count < 2:
        return Mean(mean, None, None, count)
    half = float(t.ppf((1 + LEVEL) / 2, count - 1) * np.std(values, ddof=1) / np.sqrt(count))
    return Mean(mean, mean - half, mean + half, count)


def permutation_p(differences: Sequence[float]) -> float:
    """Return the two-sided p of a paired permutation test: how often random signs give a mean as far from 0.

    Up to 14 differences all signs are tried, beyond that 20,000 drawn ones (Fisher, The Design of Experiments, 1935).

    Args:
        differences: At least one.

    Example:
        >>> permutation_p([1.0, 2.0, 3.0])  # all signs equal: 2 of 8
        0.25
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) <= _MOST_EXACT:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(values))))
        is_far = _is_as_far(signs @ values, values.sum())
        return float(is_far.mean())
    signs = np.random.default_rng(0).choice((1.0, -1.0), size=(_NUM_DRAWN, len(values)))
    is_far = _is_as_far(signs @ values, values.sum())
    return float((is_far.sum() + 1) / (_NUM_DRAWN + 1))  # the signs that came are one of the draws


def smallest_p(num_differences: int) -> float:
    """Return the smallest p that so many differences can give: 0.25 with three."""
    return float(max(2.0 ** (1 - num_differences), 0.0))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p for the number of comparisons (Holm, 1979, https://www.jstor.org/stable/4615733).

    Example:
        >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
        {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, p * (len(p_values) - rank)))
        adjusted[name] = highest
    return adjusted


def _is_as_far(sums: np.ndarray, observed: float) -> np.ndarray:
    return np.abs(sums) >= abs(observed) - 1e-12 * max(1.0, abs(observed))  # equal sums differ by rounding
