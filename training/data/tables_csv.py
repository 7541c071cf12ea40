"""CSV and TSV, cell for cell: nothing is guessed, converted or filled in.

The standard library's reader is used, not pandas, which turns `NA` into nothing, `01` into 1 and shifts ragged rows.
"""

import contextlib
import csv
import io
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .data_error import DataError, DataProblems
from .text_decoding import decode_file, decode_lines

# The header, one dict of cells a row, and the 1-based line in which each row starts.
CsvChunk = tuple[list[str], list[dict[str, str]], list[int]]

_DELIMITER_NAMES = {",": "','", ";": "';'", "\t": "'\\t' (tab)", "|": "'|'"}
_LIMIT_LOCK = threading.Lock()


def read_csv(
    file: Path, delimiter: str, encoding: str, max_rows: int | None = None, needed: Sequence[str] = ()
) -> CsvChunk:
    """Read a delimited file with a header; blank lines are skipped.

    Args:
        file: The file.
        delimiter: One character.
        encoding: Name of its encoding; a UTF-8 byte order mark is not part of the first name.
        max_rows: Stop after so many rows; None: read them all.
        needed: Columns that the caller wants; a header that lacks them is searched for another delimiter.

    Returns:
        The header, one dict of cells a row, and the 1-based line in which each row starts.

    Raises:
        DataError: Wrong encoding or delimiter, duplicate names, unclosed quote; lists all ragged rows.
    """
    lines = io.StringIO(decode_file(file, encoding), newline="")
    return next(_chunks(lines, file.name, delimiter, max_rows, needed))


def stream_csv(
    file: Path, delimiter: str, encoding: str, chunk_rows: int | None, needed: Sequence[str] = ()
) -> Iterator[CsvChunk]:
    """As `read_csv`, lazily: yield chunks of so many rows; the last is empty."""
    return _chunks(decode_lines(file, encoding), file.name, delimiter, chunk_rows, needed)


def _chunks(
    lines: Iterable[str], name: str, delimiter: str, chunk_rows: int | None, needed: Sequence[str]
) -> Iterator[CsvChunk]:
    numbered = _numbered_cells(lines, name, delimiter)
    with _long_cells():
        _, header = next(numbered, (0, []))
    _check_header(header, name, delimiter, needed)
    while True:
        with _long_cells():
            records, rows = _take(numbered, header, name, delimiter, chunk_rows)
        yield header, records, rows
        if not records:
            return


def _take(
    numbered: Iterator[tuple[int, list[str]]], header: list[str], name: str, delimiter: str, max_rows: int | None
) -> tuple[list[dict[str, str]], list[int]]:
    problems = DataProblems()
    records: list[dict[str, str]] = []
    rows: list[int] = []
    for row, cells in numbered:
        if len(cells) == len(header):
            records.append(dict(zip(header, cells, strict=True)))
            rows.append(row)
        else:
            problems.add(f"{name}:{row}", None, _ragged(cells, header, delimiter))
        if len(records) == max_rows:
            break
    problems.raise_if_any()
    return records, rows


@contextlib.contextmanager
def _long_cells() -> Iterator[None]:
    with _LIMIT_LOCK:  # the limit on a cell's length is global in the csv module
        limit = csv.field_size_limit(sys.maxsize)
        try:
            yield
        finally:
            csv.field_size_limit(limit)


def _numbered_cells(lines: Iterable[str], name: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start = 1
    try:
        for cells in reader:
            if cells:
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        if "unexpected end" in str(error):
            reason = 'a quote opened in this row is never closed; close it, and write a quote inside a cell as ""'
        else:
            reason = f'{error}; quote the whole cell and write a quote inside it as ""'
        raise DataError([f"{name}:{start}: {reason}"]) from error


def _check_header(header: list[str], name: str, delimiter: str, needed: Sequence[str]) -> None:
    if not header:
        raise DataError([f"{name}: is empty; write a header line and rows"])
    if len(header) == 1 and not set(needed) <= set(header):
        other = max(_DELIMITER_NAMES, key=lambda candidate: header[0].count(candidate) if candidate != delimiter else 0)
        if other != delimiter and other in header[0]:
            hint = f"write `delimiter: {_DELIMITER_NAMES[other].split(' ')[0]}`".replace("'\\t'", '"\\t"')
            raise DataError([f"{name}:1: the header '{header[0][:60]}' is one column split at {delimiter!r}; {hint}"])
    twice = [column for column in dict.fromkeys(header) if header.count(column) > 1]
    if twice:
        raise DataError([f"{name}:1: header name '{column}' stands twice; rename one" for column in twice])


def _ragged(cells: list[str], header: list[str], delimiter: str) -> str:
    shown = _DELIMITER_NAMES.get(delimiter, repr(delimiter))
    return f"{len(cells)} cells where the header has {len(header)}; quote cells that hold {shown}, fill in missing ones"
