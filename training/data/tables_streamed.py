"""Reading a train split table after table, so that no more of it is in memory than one table."""

from collections.abc import Iterator

from ..recipe.recipe_sections import DataSource
from .table import Table, json_table
from .tables_csv import stream_csv
from .tables_hub import stream_hub, stream_parquet
from .tables_json import stream_json_lines


def stream_tables(source: DataSource, chunk_rows: int) -> Iterator[Table]:
    """Read the train split of a data set from its first row on; each table is read when it is asked for.

    Args:
        source: The data set.
        chunk_rows: Rows of a table; the last ones may have fewer, or none.

    Raises:
        DataError: It cannot be read as what it claims to be; lists all rows concerned of one table.
    """
    if source.dataset is not None:
        split = source.hub_splits.get("train", "train")
        yield from stream_hub(source.dataset, source.config, split, chunk_rows)
        return
    file = source.file("train")
    assert file is not None  # the recipe was checked
    if file.suffix in (".jsonl", ".ndjson"):
        for records, rows in stream_json_lines(file, chunk_rows):
            yield json_table(file.name, records, rows)
    elif file.suffix in (".csv", ".tsv"):
        for chunk in stream_csv(file, *source.csv_format(file), chunk_rows, source.needed_columns):
            yield Table(file.name, *chunk, is_text_only=True)
    else:
        yield from stream_parquet(file, chunk_rows)
