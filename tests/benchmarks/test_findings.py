"""Medians, spreads, and results that are not the same."""

import math

import numpy as np
import pytest
from harness.findings import Check, Row, Spread, largest_difference


def test_few_rounds_tell_the_median_between_least_and_greatest():
    assert Spread.of([3.0, 1.0, 2.0, 10.0]) == Spread(median=2.5, low=1.0, high=10.0, rounds=4)


def test_ten_rounds_tell_the_tenth_and_the_ninetieth_percentile():
    # 0, 1, ... 10: the 10th percentile of eleven evenly spaced numbers is the second, the 90th the tenth.
    assert Spread.of([float(number) for number in range(11)]) == Spread(median=5.0, low=1.0, high=9.0, rounds=11)


def test_a_ratio_is_taken_in_each_round():
    # 2 / 1, 9 / 3, 8 / 2; of the medians it would be 8 / 2.
    assert Spread.of_ratios([2.0, 9.0, 8.0], [1.0, 3.0, 2.0]) == Spread(median=3.0, low=2.0, high=4.0, rounds=3)


@pytest.mark.parametrize(
    ("target", "median", "met"),
    [(">= 1.7", 1.7, True), (">= 1.7", 1.69, False), ("<= 1.05", 1.05, True), ("<= 1.05", 1.06, False)],
)
def test_target_is_met_by_the_median(target, median, met):
    assert Row("work", "peer", target, Spread(median, 0.0, 9.0, 3)).met is met


def test_a_fast_wrong_answer_is_recorded_as_failed_with_its_difference():
    check = Check("largest difference", 0.3, at_most=1e-5)

    found = Row("work", "peer", ">= 1.7", Spread.of([9.0]), checks=[check]).as_dict()

    assert found["met"] is False
    assert found["is_right"] is False
    assert found["checks"][0] == {
        "what": "largest difference", "found": 0.3, "at_most": 1e-5, "at_least": None, "is_right": False
    }  # fmt: skip


def test_a_difference_that_is_no_number_is_wrong():
    assert not Check("largest difference", math.nan, at_most=1e-5).is_right
    assert not Check("lowest cosine", math.nan, at_least=0.9998).is_right


def test_a_row_without_a_measurement_is_neither_met_nor_missed():
    assert Row("bfloat16", "peer", ">= 3", None, note="this processor has none").met is None


def test_largest_difference_is_found_in_any_array():
    assert largest_difference([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [3.0, 4.5]]) == 0.5


def test_arrays_of_different_shapes_are_infinitely_far_apart():
    assert largest_difference([np.zeros((2, 3))], [np.zeros((2, 4))]) == math.inf


def test_a_result_that_is_no_number_does_not_pass_for_equal():
    assert math.isnan(largest_difference([[0.0, math.nan], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]))
