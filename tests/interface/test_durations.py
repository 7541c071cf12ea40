import pytest

from polyhead.durations import parse_duration, rough_duration


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


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("0.5h", 1800)]
)
def test_a_duration_is_read_in_hours_minutes_and_seconds(text, seconds):
    assert parse_duration(text, "--budget") == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "1d", "30 m", "-5m", "0m", "5mm"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="came for --budget; write a duration such as 30m"):
        parse_duration(text, "--budget")
