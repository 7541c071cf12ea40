import pytest

from polyhead.durations import rough_duration


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.2, "less than a minute"),
        (50, "about 1 minute"),
        (89, "about 1 minute"),
        (170, "about 3 minutes"),
        (37 * 60, "about 35 minutes"),
        (57 * 60, "about 55 minutes"),
        (58 * 60, "about 1 h"),
        (78 * 60, "about 1 h 20 min"),
        (119 * 60, "about 2 h"),
        (10.6 * 3600, "about 11 h"),
    ],
)
def test_durations_are_as_rough_as_the_estimate(seconds, expected):
    assert rough_duration(seconds) == expected
