"""Reading a data set's split into records, whatever holds it: JSON lines, CSV, Parquet, the Hub."""

from pathlib import Path

from ..recipe.recipe_paths import environment_hint
from ..recipe.recipe_sections import SPLITS, DataSource
from .data_error import DataError
from .table import Table, json_table
from .tables_csv import read_csv
from .tables_hub import hub_splits, read_hub, read_parquet
from .tables_json import read_json_lines
from .tables_streamed import stream_tables

ENDINGS = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")


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
    return split in hub_splits(source.dataset, source.config)


def read_table(source: DataSource, split: str) -> Table:
    """Read one split of a data set; of a stream's train split its first part, `first_rows`.

    Raises:
        DataError: No such file or data set, or it cannot be read as what it claims to be; lists all rows concerned.
        ValueError: The data set has no such split.
    """
    is_streamed = source.streaming and split == "train"
    max_rows = source.max_rows if split == "train" else None
    if source.dataset is None:
        file = existing_file(source, split)
    if is_streamed:
        table = next(stream_tables(source, source.first_rows))
    elif source.dataset is None:
        table = _read_file(file, source, max_rows)
    else:
        table = read_hub(source.dataset, source.config, source.hub_splits.get(split, split), max_rows)
    if not table.records and (is_streamed or source.dataset is None):
        raise DataError([f"{table.name}: no rows; data.{source.name}.{split} needs at least one"])
    return table


def _read_file(file: Path, source: DataSource, max_rows: int | None) -> Table:
    if file.suffix in (".jsonl", ".ndjson"):
        return json_table(file.name, *read_json_lines(file, max_rows))
    if file.suffix in (".csv", ".tsv"):
        chunk = read_csv(file, *source.csv_format(file), max_rows, source.needed_columns)
        return Table(file.name, *chunk, is_text_only=True)
    columns, records = read_parquet(file, max_rows)
    return Table(file.name, columns, records, range(1, len(records) + 1))


def existing_file(source: DataSource, split: str) -> Path:
    """Return the file of a split.

    Raises:
        DataError: It is not there, is a directory, or of a kind that cannot be read.
        ValueError: The data set has no such split.
    """
    file = source.file(split)
    if file is None:
        present = [name for name in SPLITS if getattr(source, name)]
        raise ValueError(f"data set '{source.name}' has no split '{split}', only {', '.join(present)}.")
    key = f"data.{source.name}.{split}"
    if file.suffix not in ENDINGS:
        raise DataError([f"{key}: {file.name} ends in '{file.suffix}'; use one of {', '.join(ENDINGS)}"])
    if not file.is_file():
        came = "is a directory" if file.is_dir() else "does not exist"
        hint = environment_hint(getattr(source, split)) or "paths start from the recipe's folder; correct it there"
        raise DataError([f"{key}: {file} {came}; {hint}"])
    return file
