"""JSON lines: one object a line, UTF-8."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .data_error import DataError, DataProblems

# The objects, and the 1-based line of each.
JsonChunk = tuple[list[dict[str, Any]], list[int]]


def read_json_lines(file: Path, max_rows: int | None = None) -> JsonChunk:
    """Read the objects of a JSON lines file; blank lines are skipped.

    Args:
        file: The file.
        max_rows: Stop after so many objects; None: read them all.

    Returns:
        The objects, and the 1-based line of each.

    Raises:
        DataError: Lists the lines that are not UTF-8, not JSON, not an object, or name a key twice.
    """
    return next(stream_json_lines(file, max_rows))


def stream_json_lines(file: Path, chunk_rows: int | None) -> Iterator[JsonChunk]:
    """As `read_json_lines`, lazily: yield chunks of so many objects; the last is empty."""
    lines = _lines(file)
    while True:
        problems = DataProblems()
        records: list[dict[str, Any]] = []
        rows: list[int] = []
        for row, line in lines:
            try:
                records.append(_parse_object(line))
                rows.append(row)
            except ValueError as error:
                problems.add(f"{file.name}:{row}", None, error)
            if len(records) == chunk_rows:
                break
        problems.raise_if_any()
        yield records, rows
        if not records:
            return


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with file.open("rb") as content:
            # Bytes end at line feeds only: a JSON string may hold U+2028 and others that text lines would be cut at.
            for row, line in enumerate(content, 1):
                line = line.removesuffix(b"\n")
                if row == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line and not line.isspace():
                    yield row, line
    except OSError as error:
        raise DataError([f"{file.name}: cannot be read: {error.strerror}; check its permissions"]) from error


def _parse_object(line: bytes) -> dict[str, Any]:
    try:
        value = _DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} of the line is not UTF-8; save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON at column {error.colno}: {error.msg}; write one object a line") from error
    except RecursionError as error:
        raise ValueError("nested too deeply; write one flat object a line") from error
    if not isinstance(value, dict):
        raise ValueError(f"a JSON {_json_type(value)} came; write one object a line, {{...}}")
    return value


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        twice = next(key for key in value if sum(other == key for other, _ in pairs) > 1)
        raise ValueError(f"key '{twice}' stands twice in the object; keep one")
    return value


# One decoder for all lines: json.loads with a hook builds a new one at each call.
_DECODER = json.JSONDecoder(object_pairs_hook=_refuse_duplicates)


def _json_type(value: Any) -> str:
    names = {list: "array", str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}
    return names[type(value)]
