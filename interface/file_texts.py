"""The texts of a file, whole or part by part."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from .given_texts import GivenTexts
from .training.closest_name import suggest_name
from .training.data.data_error import DataError
from .training.data.tables_csv import stream_csv
from .training.data.tables_hub import stream_parquet
from .training.data.tables_json import stream_json_lines

JSON_ENDINGS, TABLE_ENDINGS, PARQUET = (".jsonl", ".ndjson"), {".csv": ",", ".tsv": "\t"}, ".parquet"
_Chunk = tuple[Sequence[dict[str, Any]], Sequence[int]]


def text_parts(file: Path, columns: list[str], rows_per_part: int | None) -> Iterator[GivenTexts]:
    """Read the texts of a file, part by part, so that memory does not grow with it.

    Args:
        file: One text a line, or a table: .jsonl, .csv, .tsv, .parquet.
        columns: Columns of a table: one, or two for pairs; none: `text`.
        rows_per_part: At most so many in each part; None: all in one.

    Yields:
        Parts, in order; at least one.

    Raises:
        ValueError: The file cannot be read, has no rows, or lacks a column; of a part, when its turn comes.
    """
    if not file.is_file():
        came = "is a directory" if file.is_dir() else "is a pipe or a device" if file.exists() else "does not exist"
        remedy = "give a .txt (one text a line), .jsonl, .csv, .tsv or .parquet file, or lines on standard input as `-`"
        raise ValueError(f"--file {file}: {came}; {remedy}.")
    if file.suffix.lower() == ".json":  # its lines would be taken for texts
        raise ValueError(f"--file {file}: JSON is read line by line; save it as .jsonl, one object a line.")
    if len(columns) > 2:
        raise ValueError(f"{len(columns)} columns came for --file {file}; give one, or two for pairs.")
    chunks = _chunks(file, columns or ["text"], rows_per_part)
    if chunks is not None:
        yield from _parts_of_records(file, chunks, columns or ["text"])
    elif columns:
        raise ValueError(
            f"--column {columns[0]}: {file.name} has no columns; give a .jsonl, .csv, .tsv or .parquet file."
        )
    else:
        with file.open("rb") as lines:
            yield from line_parts(lines, file.name, rows_per_part)


def line_parts(lines: Iterable[bytes], name: str, rows_per_part: int | None) -> Iterator[GivenTexts]:
    """Take one text a line; a blank line in between is a text too, and is refused or flagged as one.

    Args:
        lines: A binary stream.
        name: What errors call it.
        rows_per_part: As in `text_parts`.

    Raises:
        ValueError: There is no line, or one is not UTF-8.
    """
    numbered = enumerate(lines, 1)  # split at line feeds alone
    start = None
    while part := list(islice(numbered, rows_per_part)):
        start = part[0][0]
        yield GivenTexts([_text_of_line(line, name, row) for row, line in part], [f"{name}:{row}" for row, _ in part])
    if start is None:
        raise ValueError(f"{name} is empty; give at least one line of text.")


def _text_of_line(line: bytes, name: str, row: int) -> str:
    try:
        text = line.decode("utf-8-sig" if row == 1 else "utf-8")
    except UnicodeDecodeError as error:
        came = f"byte 0x{line[error.start]:02x} is not UTF-8"
        raise ValueError(f"{name}:{row}: {came}; give plain text saved as UTF-8, one text a line.") from error
    return text.removesuffix("\n").removesuffix("\r")


def _chunks(file: Path, columns: list[str], rows_per_part: int | None) -> Iterator[_Chunk] | None:
    ending = file.suffix.lower()  # Windows programs write .CSV
    if ending in JSON_ENDINGS:
        return stream_json_lines(file, rows_per_part)
    if ending in TABLE_ENDINGS:
        return _delimited(file, TABLE_ENDINGS[ending], columns, rows_per_part)
    if ending == PARQUET:
        return ((table.records, table.rows) for table in stream_parquet(file, rows_per_part))
    return None


def _delimited(file: Path, delimiter: str, columns: list[str], rows_per_part: int | None) -> Iterator[_Chunk]:
    try:
        for _, records, rows in stream_csv(file, delimiter, "utf-8", rows_per_part, needed=columns):
            yield records, rows
    except DataError as error:
        hint = f"--file reads UTF-8, split at commas (.csv) or tabs (.tsv); save {file.name} as that"
        raise DataError([*error.problems, hint], error.total) from error


def _parts_of_records(file: Path, chunks: Iterator[_Chunk], columns: list[str]) -> Iterator[GivenTexts]:
    for number, (records, rows) in enumerate(chunks):
        if not records and number:
            return
        if not number:
            _require_columns(file, records, columns)
        where = [f"{file.name}:{row}" for row in rows]
        texts: list[Any] = [tuple(record.get(column) for column in columns) for record in records]
        is_pair = len(columns) == 2
        yield GivenTexts(texts if is_pair else [text for (text,) in texts], where, are_pairs=is_pair)


def _require_columns(file: Path, records: Sequence[dict[str, Any]], columns: list[str]) -> None:
    if not records:
        raise ValueError(f"--file {file}: no rows; give a file with at least one.")
    known = dict.fromkeys(key for record in records for key in record)
    for column in columns:
        if column not in known:
            hint = f"{suggest_name(column, known)} (columns: {', '.join(known)})"
            raise ValueError(f"--column {column}: {file.name} has no such column; {hint}.")
