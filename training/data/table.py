"""A table: records as a file or the Hub has them, before any of them is encoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """The records of one split, or of a part of it.

    Args:
        name: What errors call it: the file as the recipe writes it, without its folders.
        columns: All columns it has.
        records: One dict a row; an absent key or None is a missing value.
        rows: 1-based row of each record in the file; with CSV the line in which it starts.
        is_text_only: Every value is the text of a CSV cell; an empty one is a missing label.
    """

    name: str
    columns: list[str]
    records: list[dict[str, Any]]
    rows: Sequence[int]
    is_text_only: bool = False

    def where(self, index: int) -> str:
        """Return file and row of a record."""
        return f"{self.name}:{self.rows[index]}"


def json_table(name: str, records: list[dict[str, Any]], rows: Sequence[int]) -> Table:
    """Return a table of JSON objects, whose columns are the keys of any of them."""
    return Table(name, list(dict.fromkeys(key for record in records for key in record)), records, rows)
