"""CSV and TSV, cell for cell: nothing is guessed, converted or filled in.

The standard library's reader is used, not pandas, which turns `NA` into nothing, `01` into 1 and shifts ragged rows.
"""

import csv
import io
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from .data_error import DataError, DataProblems

_DELIMITER_NAMES = {",": "','", ";": "';'", "\t": "'\\t' (tab)", "|": "'|'"}
_LIMIT_LOCK = threading.Lock()


def read_csv(
    file: Path, delimiter: str, encoding: str, max_rows: int | None = None, needed: Sequence[str] = ()
) -> tuple[list[str], list[dict[str, str]], list[int]]:
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
    text = _decode(file, encoding)
    with _LIMIT_LOCK:  # the limit on a cell's length is global in the csv module
        limit = csv.field_size_limit(sys.maxsize)
        try:
            return _parse(text, file.name, delimiter, max_rows, needed)
        finally:
            csv.field_size_limit(limit)


def _parse(
    text: str, name: str, delimiter: str, max_rows: int | None, needed: Sequence[str]
) -> tuple[list[str], list[dict[str, str]], list[int]]:
    lines = _lines(text, name, delimiter)
    _, header = next(lines, (0, []))
    _check_header(header, name, delimiter, needed)
    problems = DataProblems()
    records: list[dict[str, str]] = []
    rows: list[int] = []
    for row, cells in lines:
        if len(cells) == len(header):
            records.append(dict(zip(header, cells, strict=True)))
            rows.append(row)
        else:
            problems.add(f"{name}:{row}", None, _ragged(cells, header, delimiter))
        if len(records) == max_rows:
            break
    problems.raise_if_any()
    return header, records, rows


def _lines(text: str, name: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
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


def _decode(file: Path, encoding: str) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError([f"{file.name}: cannot be read: {error.strerror}; check its permissions"]) from error
    is_utf_8 = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    if is_utf_8 and content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError([f"{file.name}:1: begins with the mark of UTF-16; write `encoding: utf-16` in the data set"])
    try:
        return content.decode("utf-8-sig" if is_utf_8 else encoding)
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        reason = (
            f"byte 0x{content[error.start]:02x} is not {encoding}; name the file's encoding, e.g. `encoding: latin-1`"
        )
        raise DataError([f"{file.name}:{row}: {reason}"]) from error
    except LookupError as error:
        raise DataError(
            [f"{file.name}: encoding '{encoding}' is unknown to Python; write for example utf-8 or latin-1"]
        ) from error


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
