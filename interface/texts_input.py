"""The texts that a command works on: arguments, a file, standard input, or a few sentences of our own."""

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .file_texts import line_parts, text_parts
from .given_texts import GivenTexts

DEFAULT_FILE = Path(__file__).parent / "sentences.txt"
STDIN = "-"


def read_texts(arguments: Sequence[str] | None, file: Path | None, columns: Sequence[str] | None) -> GivenTexts:
    """Collect the texts of a command at once; arguments and errors as in `read_parts`."""
    return next(read_parts(arguments, file, columns))


def read_parts(
    arguments: Sequence[str] | None,
    file: Path | None,
    columns: Sequence[str] | None,
    as_pairs: bool = False,
    rows_per_part: int | None = None,
) -> Iterator[GivenTexts]:
    """Collect the texts of a command, those of a file or of standard input part by part.

    Args:
        arguments: TEXT arguments; a single `-` reads standard input.
        file: One text a line, or a table: .jsonl, .csv, .tsv, .parquet.
        columns: Columns of a table: one, or two for pairs; none: `text`.
        as_pairs: Take the arguments two by two.
        rows_per_part: At most so many; None: all in one part.

    Raises:
        ValueError: Contradicting sources, nothing to read, or a file that cannot be read.
    """
    given = list(arguments or [])
    if file is not None:
        if given or as_pairs:
            came = "--pair" if as_pairs else "TEXT"
            raise ValueError(f"both --file {file} and {came} came; give one. Pairs in a file: --column A --column B.")
        return text_parts(file, list(columns or []), rows_per_part)
    if columns:
        raise ValueError(f"--column {columns[0]} came without --file; name the file that has the column.")
    if as_pairs:
        return iter([_paired(given)])
    if given == [STDIN] or (not given and _is_piped(sys.stdin)):
        return line_parts(sys.stdin.buffer, "stdin", rows_per_part)
    if given:
        return iter([GivenTexts(given, [f"TEXT {number}" for number in range(1, len(given) + 1)])])
    return (replace(part, are_default=True) for part in text_parts(DEFAULT_FILE, [], None))


def _paired(given: list[str]) -> GivenTexts:
    if not given or len(given) % 2:
        raise ValueError(f'--pair came with {len(given)} TEXT arguments; give them two by two: --pair "one" "other".')
    pairs = list(zip(given[::2], given[1::2], strict=True))
    return GivenTexts(pairs, [f"pair {number}" for number in range(1, len(pairs) + 1)], are_pairs=True)


def _is_piped(stream: Any) -> bool:
    """Whether a pipe or a file stands on standard input; a terminal or /dev/null gives no texts."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
