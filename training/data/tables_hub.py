"""Parquet files and data sets on the Hub, both typed columns, read through `datasets` and pyarrow."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from .data_error import DataError
from .table import Table


def read_parquet(file: Path, max_rows: int | None = None) -> tuple[list[str], list[dict[str, Any]]]:
    """Read a Parquet file into its columns and one dict a row.

    Raises:
        DataError: Not a Parquet file.
    """
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(file).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError([f"{file.name}: cannot be read as Parquet: {error}; write the file again"]) from error
    return table.column_names, (table if max_rows is None else table.slice(0, max_rows)).to_pylist()


def stream_parquet(file: Path, chunk_rows: int | None) -> Iterator[Table]:
    """As `read_parquet`, lazily: yield tables of up to so many rows, None: of all; the last is empty.

    Raises:
        DataError: Not a Parquet file.
    """
    import pyarrow.parquet

    start = 1
    try:
        with pyarrow.parquet.ParquetFile(file) as content:
            for batch in content.iter_batches(chunk_rows or max(1, content.metadata.num_rows)):
                yield Table(file.name, batch.schema.names, batch.to_pylist(), range(start, start + len(batch)))
                start += len(batch)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError([f"{file.name}: cannot be read as Parquet: {error}; write the file again"]) from error
    yield Table(file.name, [], [], [])


def hub_splits(dataset: str, config: str | None) -> list[str]:
    """Return the split names of a data set on the Hub.

    Raises:
        DataError: Unknown there, or it cannot be reached.
    """
    from datasets import get_dataset_split_names

    try:
        return list(get_dataset_split_names(dataset, config))
    except Exception as error:  # huggingface_hub, requests, fsspec and builders each have their own
        raise DataError([_refusal(dataset, error)]) from error


def read_hub(dataset: str, config: str | None, split: str, max_rows: int | None = None) -> Table:
    """Read a split of a data set on the Hub; class ids become class names.

    Raises:
        DataError: Unknown there, no such split, or it cannot be reached.
    """
    loaded = _load(dataset, config, split)
    if max_rows is not None:
        loaded = loaded.select(range(min(max_rows, len(loaded))))
    records = loaded.to_list()
    _name_classes(records, loaded.features)
    return Table(f"{dataset}/{split}", list(loaded.column_names), records, range(1, len(records) + 1))


def stream_hub(dataset: str, config: str | None, split: str, chunk_rows: int) -> Iterator[Table]:
    """As `read_hub`, lazily: yield tables of so many rows; the last is empty.

    Raises:
        DataError: As `read_hub`, and where the connection fails later.
    """
    loaded = _load(dataset, config, split, streaming=True)
    name, start = f"{dataset}/{split}", 1
    try:
        rows = iter(loaded)
        while records := list(islice(rows, chunk_rows)):
            _name_classes(records, loaded.features or {})
            columns = loaded.column_names or list(records[0])
            yield Table(name, columns, records, range(start, start + len(records)))
            start += len(records)
    except Exception as error:  # see above
        raise DataError([_refusal(f"{name}, after row {start - 1}", error)]) from error
    yield Table(name, [], [], [])


def _load(dataset: str, config: str | None, split: str, **options: Any) -> Any:
    import datasets

    try:
        return datasets.load_dataset(dataset, config, split=split, **options)
    except Exception as error:  # see above
        raise DataError([_refusal(f"{dataset}, split '{split}'", error)]) from error


def _name_classes(records: list[dict[str, Any]], features: Mapping[str, Any]) -> None:
    for column, feature in features.items():
        names = _class_names(feature)
        for record in records if names else ():
            record[column] = _named(record[column], names)


def _class_names(feature: Any) -> list[str]:
    feature = getattr(feature, "feature", feature)  # a list of class ids
    return list(getattr(feature, "names", []))


def _named(value: Any, names: list[str]) -> Any:
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    # -1 is how test splits on the Hub say that a label is withheld.
    return None if value is None or value == -1 else names[value]


def _refusal(what: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:300]
    return f"data set {what}: {type(error).__name__}: {reason}; check name, config and splits, and the connection"
