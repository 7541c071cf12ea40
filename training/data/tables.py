"""Reading a data set's split into records, whatever holds it: JSON lines, CSV, Parquet, the Hub."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..recipe.recipe_paths import environment_hint
from ..recipe.recipe_sections import SPLITS, DataSource
from .data_error import DataError
from .tables_csv import read_csv
from .tables_json import read_json_lines

ENDINGS = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class Table:
    """The records of one split.

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


def has_split(source: DataSource, split: str) -> bool:
    """Say whether a data set has a split; asks the Hub where the recipe names a data set and no splits.

    Raises:
        DataError: The Hub does not know the data set, or cannot be reached.
        ValueError: `split` is not one of `SPLITS`.
    """
    if source.dataset is None:
        return source.file(split) is not None
    if source.splits is not None:
        return split in source.hub_splits
    from .tables_hub import hub_splits

    return split in hub_splits(source.dataset, source.config)


def read_table(source: DataSource, split: str) -> Table:
    """Read one split of a data set.

    Raises:
        DataError: No such file or data set, or it cannot be read as what it claims to be; lists all rows concerned.
        ValueError: The data set has no such split.
    """
    max_rows = source.max_rows if split == "train" else None
    if source.dataset is not None:
        from .tables_hub import read_hub

        name, columns, records = read_hub(source.dataset, source.config, source.hub_splits.get(split, split), max_rows)
        return Table(name, columns, records, range(1, len(records) + 1))
    file = source.file(split)
    if file is None:
        present = [name for name in SPLITS if getattr(source, name)]
        raise ValueError(f"data set '{source.name}' has no split '{split}', only {', '.join(present)}.")
    _require(file, source, split)
    table = _read_file(file, source, max_rows)
    if not table.records:
        raise DataError([f"{file.name}: no rows; data.{source.name}.{split} needs at least one"])
    return table


def _read_file(file: Path, source: DataSource, max_rows: int | None) -> Table:
    if file.suffix in (".jsonl", ".ndjson"):
        records, rows = read_json_lines(file, max_rows)
        columns = list(dict.fromkeys(key for record in records for key in record))
        return Table(file.name, columns, records, rows)
    if file.suffix in (".csv", ".tsv"):
        delimiter = source.delimiter or ("\t" if file.suffix == ".tsv" else ",")
        needed = [*source.input_columns, *(column for columns in source.label_columns.values() for column in columns)]
        header, records, rows = read_csv(file, delimiter, source.encoding or "utf-8", max_rows, needed)
        return Table(file.name, header, records, rows, is_text_only=True)
    from .tables_hub import read_parquet

    columns, records = read_parquet(file, max_rows)
    return Table(file.name, columns, records, range(1, len(records) + 1))


def _require(file: Path, source: DataSource, split: str) -> None:
    key = f"data.{source.name}.{split}"
    if file.suffix not in ENDINGS:
        raise DataError([f"{key}: {file.name} ends in '{file.suffix}'; use one of {', '.join(ENDINGS)}"])
    if not file.is_file():
        came = "is a directory" if file.is_dir() else "does not exist"
        hint = environment_hint(getattr(source, split)) or "paths start from the recipe's folder; correct it there"
        raise DataError([f"{key}: {file} {came}; {hint}"])
