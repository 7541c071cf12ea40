"""Intervals and tests, against numbers computed by hand."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from polyhead.training.study.statistics import holm, mean_with_interval, permutation_p, smallest_p


def test_interval_of_three_values():
    # Mean 2, standard deviation 1, standard error 1 / sqrt(3); the 97.5% point of t with 2 degrees of freedom is 4.3027.
    mean = mean_with_interval([1.0, 2.0, 3.0])
    assert mean.value == 2.0
    assert mean.high == pytest.approx(2 + 4.302653 / math.sqrt(3), abs=1e-6)
    assert mean.low == pytest.approx(2 - 4.302653 / math.sqrt(3), abs=1e-6)
    assert mean.num_values == 3


def test_one_value_has_no_interval():
    mean = mean_with_interval([0.5])
    assert (mean.value, mean.low, mean.high) == (0.5, None, None)
    assert not mean.excludes_zero


def test_an_interval_excludes_zero_where_the_t_test_finds_a_difference():
    assert mean_with_interval([1.0, 1.1, 0.9]).excludes_zero
    assert mean_with_interval([-1.0, -1.1, -0.9]).excludes_zero
    assert not mean_with_interval([1.0, -1.0, 0.5]).excludes_zero
    assert mean_with_interval([2.0, 2.0]).excludes_zero


def test_permutation_counts_the_signs_that_give_a_sum_as_far_from_zero():
    assert permutation_p([0.3, 0.3, 0.3]) == 2 / 8  # all plus, all minus
    # Sums of +-1 +-2 +-3: 6, 4, 2, 0, 0, -2, -4, -6; the observed 1 + 2 - 3 = 0 is nowhere near: all are as far.
    assert permutation_p([1.0, 2.0, -3.0]) == 1.0
    # -1 + 2 + 3 = 4: as far are 6, 4, -4, -6.
    assert permutation_p([-1.0, 2.0, 3.0]) == 4 / 8
    assert permutation_p([0.1]) == 1.0


def test_rounding_does_not_split_equal_sums():
    # Of 16 sums 2 are as far as 0.4, 8 as far as the observed 0.2, and 6 are 0; not all of the 8 are equal in the last bit.
    assert permutation_p([0.1, 0.1, 0.1, -0.1]) == 10 / 16


def test_many_differences_are_permuted_at_random_and_agree_with_the_t_test():
    differences = np.random.default_rng(1).normal(0.1, 1.0, size=40).tolist()
    expected = float(ttest_1samp(differences, 0.0).pvalue)
    assert 0.1 < expected < 0.9
    assert permutation_p(differences) == permutation_p(differences)
    assert permutation_p(differences) == pytest.approx(expected, abs=0.01)


def test_so_many_differences_can_give_no_smaller_p():
    assert [smallest_p(n) for n in (1, 2, 3, 6)] == [1.0, 0.5, 0.25, 1 / 32]
    assert permutation_p([1.0] * 6) == smallest_p(6)


def test_holm_multiplies_the_smallest_by_all_and_never_falls():
    # Sorted 0.01, 0.03, 0.04: times 3, 2, 1 is 0.03, 0.06, 0.04; the last may not fall below the one before.
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}
