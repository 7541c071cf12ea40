"""The texts that a command works on: arguments, a file, standard input, or a few sentences of our own."""

import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .modeling.texts_polyhead import find_bad_texts
from .training.closest_name import suggest_name
from .training.data.data_error import DataError
from .training.data.tables_csv import read_csv
from .training.data.tables_json import read_json_lines

DEFAULT_FILE = Path(__file__).parent / "sentences.txt"
STDIN = "-"
_JSON_ENDINGS, _TABLE_ENDINGS = (".jsonl", ".ndjson"), {".csv": ",", ".tsv": "\t"}
_NUM_LISTED = 20


@dataclass(frozen=True)
class GivenTexts:
    """Texts, and where each one came from.

    Args:
        texts: Strings, or tuples of two for pairs; what a file holds instead of a string is kept for the error.
        where: Source and row of each, for messages.
        are_pairs: Whether each is a pair.
        are_default: Whether the user gave none and these are ours.
    """

    texts: list[Any]
    where: list[str]
    are_pairs: bool = False
    are_default: bool = False

    def __len__(self) -> int:
        return len(self.texts)

    def find_unreadable(self) -> dict[int, str]:
        """Return what is wrong with each text that no model can read, by position."""
        sides = list(zip(*self.texts, strict=True)) if self.are_pairs else [self.texts]
        return {position: reason for side in sides for position, reason in find_bad_texts(side).items()}

    def require_readable(self) -> None:
        """Refuse empty and blank texts.

        Raises:
            ValueError: Lists where they stand.
        """
        bad = self.find_unreadable()
        if bad:
            listed = [f"{self.where[position]}: {reason}" for position, reason in sorted(bad.items())[:_NUM_LISTED]]
            more = [f"and {len(bad) - _NUM_LISTED} more"] if len(bad) > _NUM_LISTED else []
            remedy = "repair or remove them, or pass --on-bad flag to get them marked instead"
            count = f"{len(bad)} of {len(self)} texts cannot be read"
            raise ValueError("\n  ".join([f"{count}; {remedy}:", *listed, *more]))


def read_texts(
    arguments: Sequence[str] | None, file: Path | None, columns: Sequence[str] | None, as_pairs: bool = False
) -> GivenTexts:
    """Collect the texts of a command.

    Args:
        arguments: TEXT arguments; a single `-` reads standard input.
        file: One text a line, or a table: .jsonl, .csv, .tsv.
        columns: Columns of a table: one, or two for pairs; none: `text`.
        as_pairs: Take the arguments two by two.

    Raises:
        ValueError: Contradicting sources, nothing to read, or a file that cannot be read.
    """
    given = list(arguments or [])
    if file is not None:
        if given or as_pairs:
            came = "--pair" if as_pairs else "TEXT"
            raise ValueError(f"both --file {file} and {came} came; give one. Pairs in a file: --column A --column B.")
        return _read_file(file, list(columns or []))
    if columns:
        raise ValueError(f"--column {columns[0]} came without --file; name the file that has the column.")
    if as_pairs:
        return _paired(given)
    if given == [STDIN] or (not given and _is_piped(sys.stdin)):
        return _of_lines(sys.stdin.buffer.read(), "stdin")
    if given:
        return GivenTexts(given, [f"TEXT {number}" for number in range(1, len(given) + 1)])
    lines = _of_lines(DEFAULT_FILE.read_bytes(), DEFAULT_FILE.name)
    return GivenTexts(lines.texts, lines.where, are_default=True)


def _paired(given: list[str]) -> GivenTexts:
    if not given or len(given) % 2:
        raise ValueError(f'--pair came with {len(given)} TEXT arguments; give them two by two: --pair "one" "other".')
    pairs = list(zip(given[::2], given[1::2], strict=True))
    return GivenTexts(pairs, [f"pair {number}" for number in range(1, len(pairs) + 1)], are_pairs=True)


def _read_file(file: Path, columns: list[str]) -> GivenTexts:
    if not file.is_file():
        came = "is a directory" if file.is_dir() else "does not exist"
        raise ValueError(f"--file {file}: {came}; give a .txt (one text a line), .jsonl, .csv or .tsv file.")
    if len(columns) > 2:
        raise ValueError(f"{len(columns)} columns came for --file {file}; give one, or two for pairs.")
    if file.suffix in _JSON_ENDINGS:
        records, rows = read_json_lines(file)
        return _of_records(file, records, rows, columns or ["text"])
    if file.suffix in _TABLE_ENDINGS:
        return _of_records(file, *_read_delimited(file, columns or ["text"]), columns or ["text"])
    if columns:
        raise ValueError(f"--column {columns[0]}: {file.name} has no columns; give a .jsonl, .csv or .tsv file.")
    return _of_lines(file.read_bytes(), file.name)


def _read_delimited(file: Path, columns: list[str]) -> tuple[list[dict[str, str]], list[int]]:
    try:
        _, records, rows = read_csv(file, _TABLE_ENDINGS[file.suffix], "utf-8", needed=columns)
    except DataError as error:
        hint = f"--file reads UTF-8, split at commas (.csv) or tabs (.tsv); save {file.name} as that"
        raise DataError([*error.problems, hint], error.total) from error
    return records, rows


def _of_records(file: Path, records: Sequence[dict[str, Any]], rows: list[int], columns: list[str]) -> GivenTexts:
    known = dict.fromkeys(key for record in records for key in record)
    if not records:
        raise ValueError(f"--file {file}: no rows; give a file with at least one.")
    for column in columns:
        if column not in known:
            hint = f"{suggest_name(column, known)} (columns: {', '.join(known)})"
            raise ValueError(f"--column {column}: {file.name} has no such column; {hint}.")
    where = [f"{file.name}:{row}" for row in rows]
    if len(columns) == 1:
        return GivenTexts([record.get(columns[0]) for record in records], where)
    pairs = [tuple(record.get(column) for column in columns) for record in records]
    return GivenTexts(pairs, where, are_pairs=True)


def _of_lines(content: bytes, name: str) -> GivenTexts:
    """Take one text a line; a blank line in between is a text too, and is refused or flagged as one."""
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        came = f"byte 0x{content[error.start]:02x} is not UTF-8"
        raise ValueError(f"{name}:{row}: {came}; give plain text saved as UTF-8, one text a line.") from error
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise ValueError(f"{name} is empty; give at least one line of text.")
    return GivenTexts(
        [line.removesuffix("\r") for line in lines], [f"{name}:{row}" for row in range(1, len(lines) + 1)]
    )


def _is_piped(stream: Any) -> bool:
    """Whether a pipe or a file stands on standard input; a terminal or /dev/null gives no texts."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
