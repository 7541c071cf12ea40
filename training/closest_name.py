"""The suggestion at the end of an error message about a name."""

import difflib
from collections.abc import Iterable

_NUM_LISTED = 12


def suggest_name(name: str, known: Iterable[str]) -> str:
    """Name the known name that is nearest to a mistyped one, or list the known ones when none is near.

    >>> suggest_name("poolin", ["pooling", "prompts"])
    "closest is 'pooling'"
    >>> suggest_name("xyz", ["pooling", "prompts"])
    'known: pooling, prompts'
    """
    names = list(known)
    by_lowercase = {other.lower(): other for other in reversed(names)}
    nearest = difflib.get_close_matches(name.lower(), by_lowercase, n=1)
    if nearest:
        return f"closest is '{by_lowercase[nearest[0]]}'"
    listed = ", ".join(names[:_NUM_LISTED]) or "none"
    return f"known: {listed}" + (f" and {len(names) - _NUM_LISTED} more" if len(names) > _NUM_LISTED else "")
