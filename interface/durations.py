"""Durations as people say them."""

import re

_UNITS = {"h": 3600, "m": 60, "s": 1}


def rough_duration(seconds: float) -> str:
    """Return an expected duration no more precisely than it can be known.

    >>> [rough_duration(seconds) for seconds in (40, 170, 2230, 4700, 7300, 90000)]
    ['less than a minute', 'about 3 minutes', 'about 35 minutes', 'about 1 h 20 min', 'about 2 h', 'about 25 h']
    """
    minutes = seconds / 60
    if minutes < 0.75:
        return "less than a minute"
    if minutes < 57.5:
        rounded = max(1, round(minutes)) if minutes < 20 else 5 * round(minutes / 5)
        return f"about {rounded} minute{'' if rounded == 1 else 's'}"
    step = 10 if minutes < 600 else 60
    hours, rest = divmod(step * round(minutes / step), 60)
    return f"about {hours} h {rest} min" if rest else f"about {hours} h"


def parse_duration(text: str, where: str) -> float:
    """Read a duration as seconds: hours, minutes and seconds, or several of them.

    Args:
        text: What came.
        where: The option, for the message.

    Raises:
        ValueError: It is none, or 0.

    >>> [parse_duration(text, "--budget") for text in ("90s", "30m", "1h30m", "0.5h")]
    [90.0, 1800.0, 5400.0, 1800.0]
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", text)
    seconds = float(sum(float(number) * _UNITS[unit] for number, unit in parts))
    if "".join(number + unit for number, unit in parts) != text or not seconds:
        raise ValueError(f"'{text}' came for {where}; write a duration such as 30m, 2h or 1h30m.")
    return seconds
