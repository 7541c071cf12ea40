"""Results for programs: one JSON object a line."""

import json
import math
import sys
from typing import Any, TextIO


def print_json(value: Any) -> None:
    """Print one object on one line of standard output."""
    print(json_line(value, sys.stdout))


def json_line(value: Any, stream: TextIO | None = None) -> str:
    """Write a value as JSON that every reader takes: NaN and infinity, which JSON does not have, become null.

    Args:
        value: Dicts, lists, strings and numbers.
        stream: Where it will be written; characters that its encoding lacks are escaped.
    """
    plain = _finite(value)
    line = json.dumps(plain, ensure_ascii=False, allow_nan=False)
    try:
        line.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(plain, allow_nan=False)
    return line


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
