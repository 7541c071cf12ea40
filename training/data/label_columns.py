"""Finding a task's value in a record: which columns hold it, and when it is missing."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from ...configuration.tasks_polyhead import TaskConfig
from ..recipe.recipe_sections import DataSource
from .table import Table

BELONGS = True  # the label of a pair without a label column: its texts belong together


def read_label(record: dict[str, Any], columns: list[str], kind: str, is_text_only: bool) -> Any:
    """Return the value of a task as the file has it, None where it is missing.

    Args:
        record: The row.
        columns: The task's column, or one column per value of a regression; none: every row is labelled `BELONGS`.
        kind: The task's kind; in a CSV cell several labels are separated by `|`, the tags of words by blanks.
        is_text_only: The record comes from CSV, where an empty cell is a missing label.

    Raises:
        ValueError: Some but not all of several values are missing.
    """
    if not columns:
        return BELONGS
    if len(columns) > 1:
        return _read_several(record, columns, is_text_only)
    value = record.get(columns[0])
    if value is None or (is_text_only and value == ""):
        return None
    if is_text_only and kind == "multi_label_classification":
        return value.split("|")
    if is_text_only and kind == "token_classification":
        return value.split()
    return value


def _read_several(record: dict[str, Any], columns: list[str], is_text_only: bool) -> list[Any] | None:
    values = [record.get(column) for column in columns]
    if is_text_only:
        values = [None if value == "" else value for value in values]
    missing = [column for column, value in zip(columns, values, strict=True) if value is None]
    if len(missing) == len(columns):
        return None
    if missing:
        raise ValueError(f"missing while other values of the row are not: {', '.join(missing)}; give all or none")
    return values


def train_values(
    task: TaskConfig, tables: Iterable[tuple[DataSource, Table]]
) -> Iterator[tuple[dict[str, str], list[Any]]]:
    """Yield, for each table that labels a task, the names its data set gives to values and the values not missing."""
    for source, table in tables:
        columns = source.label_columns.get(task.name)
        if columns is None or not set(columns) <= set(table.columns):
            continue
        values = []
        for record in table.records:
            with contextlib.suppress(ValueError):  # told, with its row, when the rows are read
                values.append(read_label(record, columns, task.kind, table.is_text_only))
        yield source.label_names.get(task.name, {}), [value for value in values if value is not None]
