"""Finding a task's value in a record: which columns hold it, and when it is missing."""

from collections.abc import Iterator
from typing import Any

from ..configuration.tasks_polyhead import TaskConfig
from .recipe_sections import DataSource
from .tables import Table


def read_label(record: dict[str, Any], columns: list[str], kind: str, is_text_only: bool) -> Any:
    """Return the value of a task as the file has it, None where it is missing.

    Args:
        record: The row.
        columns: The task's column, or one column per value of a regression.
        kind: The task's kind; in a CSV cell several labels are separated by `|`, the tags of words by blanks.
        is_text_only: The record comes from CSV, where an empty cell is a missing label.

    Raises:
        ValueError: Some but not all of several values are missing.
    """
    values = [record.get(column) for column in columns]
    if is_text_only:
        values = [None if value == "" else value for value in values]
    if all(value is None for value in values):
        return None
    missing = [column for column, value in zip(columns, values, strict=True) if value is None]
    if missing:
        raise ValueError(f"missing while other values of the row are not: {', '.join(missing)}; give all or none")
    value = values[0] if len(columns) == 1 else values
    if is_text_only and kind == "multi_label_classification":
        return value.split("|")
    if is_text_only and kind == "token_classification":
        return value.split()
    return value


def train_values(task: TaskConfig, tables: list[tuple[DataSource, Table]]) -> Iterator[tuple[Any, dict[str, str]]]:
    """Yield each value of a task that is not missing, with the names its data set gives to values."""
    for source, table in tables:
        columns = source.label_columns.get(task.name)
        if columns is None or not set(columns) <= set(table.columns):
            continue
        names = source.label_names.get(task.name, {})
        for record in table.records:
            try:
                value = read_label(record, columns, task.kind, table.is_text_only)
            except ValueError:  # told, with its row, when the rows are read
                continue
            if value is not None:
                yield value, names
