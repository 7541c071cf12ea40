"""Parquet files and data sets on the Hub, both typed columns, read through `datasets` and pyarrow."""

from pathlib import Path
from typing import Any

from .data_error import DataError


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


def read_hub(
    dataset: str, config: str | None, split: str, max_rows: int | None = None
) -> tuple[str, list[str], list[dict[str, Any]]]:
    """Read a split of a data set on the Hub; class ids become class names.

    Returns:
        What errors call it, its columns, and one dict a row.

    Raises:
        DataError: Unknown there, no such split, or it cannot be reached.
    """
    import datasets

    try:
        loaded = datasets.load_dataset(dataset, config, split=split)
    except Exception as error:  # see above
        raise DataError([_refusal(f"{dataset}, split '{split}'", error)]) from error
    if max_rows is not None:
        loaded = loaded.select(range(min(max_rows, len(loaded))))
    records = loaded.to_list()
    for column, feature in loaded.features.items():
        names = _class_names(feature)
        for record in records if names else ():
            record[column] = _named(record[column], names)
    return f"{dataset}/{split}", list(loaded.column_names), records


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
