"""CSV as people upload it: read cell for cell, or refused with a message for the page."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

Row = dict[str, str]
_DIVIDERS = ",;\t"


@dataclass(frozen=True)
class Sheet:
    """Rows of cells by column, and the column in which the texts stand."""

    rows: list[Row]
    column: str

    @property
    def texts(self) -> list[str]:
        """The texts, one a row."""
        return [row[self.column] for row in self.rows]


def read_sheet(file: str | Path, column: str, most_rows: int) -> Sheet:
    """Read an uploaded file; commas, semicolons or tabs divide it, whichever its header has most of.

    Args:
        file: The upload: UTF-8, the first line names the columns.
        column: Where the texts stand; a file with a single column needs no name.
        most_rows: That the page answers at once.

    Raises:
        ValueError: It is not UTF-8, empty, ragged or too long, or has no such column.
    """
    name = Path(file).name
    header, lines = _header_and_lines(name, _decoded(Path(file)))
    if not lines:
        came = "has a header but no rows" if header else "is empty"
        raise ValueError(f"{name} {came}. Give a header line and at least one row.")
    if len(lines) > most_rows:
        remedy = "Split the file, or use `polyhead predict --file`."
        raise ValueError(f"{name} has {len(lines):,} rows; this page answers {most_rows:,} at once. {remedy}")
    for number, cells in lines:
        if len(cells) != len(header):
            wanted = f"{len(cells)} cells where the header has {len(header)}"
            raise ValueError(f"{name}, line {number}: {wanted}. Quote cells that hold the divider.")
    rows = [dict(zip(header, cells, strict=True)) for _, cells in lines]
    return Sheet(rows, _text_column(name, header, column.strip()))


def _decoded(file: Path) -> str:
    content = file.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{file.name} is not UTF-8 (line {line}). Save it as 'CSV UTF-8'.") from error


def _header_and_lines(name: str, content: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the names of the columns, and the cells of each line with its number; blank lines are left out."""
    divider = max(_DIVIDERS, key=content.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=divider, strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise ValueError(f"{name}, line {reader.line_num}: {error}. Check the quotes of this cell.") from error
    return (lines[0][1], lines[1:]) if lines else ([], [])


def _text_column(name: str, header: list[str], column: str) -> str:
    chosen = header[0] if len(header) == 1 else column
    twice = [title for title in header if header.count(title) > 1]
    if twice:
        raise ValueError(f"{name} has two columns '{twice[0]}'. Rename one.")
    if chosen not in header:
        raise ValueError(f"{name} has no column '{chosen}'. Write the name of one of its columns: {', '.join(header)}.")
    return chosen
