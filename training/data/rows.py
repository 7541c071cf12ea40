"""Rows: what collation reads. A text, its labels by task, and where it stands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...configuration.tasks_polyhead import TaskConfig
from ..closest_name import suggest_name
from ..recipe.recipe_sections import SPLITS, DataSource, Split
from .data_error import DataError, DataProblems
from .label_collection import complete_tasks
from .label_columns import read_label
from .label_values import Encoder, label_encoder
from .row_sample import sample_table
from .table import Table
from .tables import has_split, read_table
from .text_values import checked_text, checked_words, words_of_cell

# {"text": str} or {"text": (str, str)} or {"words": [str, ...]}, with "labels": {task: encoded label} (a missing label
# has no key) and "where": "file:row".
Row = dict[str, Any]


@dataclass(frozen=True)
class LoadedData:
    """All rows of a recipe.

    Args:
        tasks: All tasks of the model, completed from the train splits.
        rows: Rows by split and name of the data set; a split that no data set has is an empty dict.
        streams: Names of the data sets of which `rows` has only the first training rows.
    """

    tasks: list[TaskConfig]
    rows: dict[Split, dict[str, list[Row]]]
    streams: frozenset[str] = frozenset()


def load_data(
    tasks: Sequence[TaskConfig], sources: Sequence[DataSource], trained: Sequence[TaskConfig] = ()
) -> LoadedData:
    """Read every split of every data set once, complete the tasks from the train splits, encode all rows.

    Of a data set that is streamed, only the first training rows are read.

    Args:
        tasks: New tasks.
        sources: The data sets.
        trained: Tasks of a checkpoint, which come first: complete already, and without need of training rows.

    Raises:
        DataError: Lists what is wrong in all files.
    """
    problems = DataProblems()
    tables: dict[Split, list[tuple[DataSource, Table]]] = {split: [] for split in SPLITS}
    for split, source in ((split, source) for split in SPLITS for source in sources):
        try:
            if has_split(source, split):
                tables[split].append((source, read_table(source, split)))
        except DataError as error:
            problems.extend(error)
    problems.raise_if_any()  # what follows would only repeat that a file is missing
    completed = [*trained, *complete_tasks(tasks, tables["train"], problems)]
    tables["train"] = [(source, _drawn(table, source)) for source, table in tables["train"]]
    rows: dict[Split, dict[str, list[Row]]] = {
        split: {source.name: encode_table(table, source, completed, problems) for source, table in tables[split]}
        for split in SPLITS
    }
    problems.raise_if_any()
    streams = frozenset(source.name for source, _ in tables["train"] if source.streaming)
    return LoadedData(completed, rows, streams)


def read_rows(source: DataSource, split: str, tasks: Sequence[TaskConfig]) -> list[Row]:
    """Read one split of a data set.

    Args:
        source: The data set.
        split: One of `SPLITS`.
        tasks: Tasks whose labels are known, from a checkpoint or `collect_labels`; others than this data
            set's are ignored.

    Raises:
        DataError: Lists what is wrong in the file.
        ValueError: The data set has no such split.
    """
    problems = DataProblems()
    table = read_table(source, split)
    rows = encode_table(_drawn(table, source) if split == "train" else table, source, tasks, problems)
    problems.raise_if_any()
    return rows


def _drawn(table: Table, source: DataSource) -> Table:
    """Draw the rows of `sample_rows`, after the labels were collected: a small sample may lack some of them."""
    if source.sample_rows is None:
        return table
    columns = [column for columns in source.label_columns.values() for column in columns]
    return sample_table(table, columns, source.sample_rows, source.sample_seed)


def encode_table(table: Table, source: DataSource, tasks: Sequence[TaskConfig], problems: DataProblems) -> list[Row]:
    """Turn records into rows; what is wrong with them is added to `problems`."""
    labelled = {task.name: task for task in tasks if task.name in source.labels}
    wanted = [*source.input_columns, *(column for name in labelled for column in source.label_columns[name])]
    missing = [column for column in dict.fromkeys(wanted) if column not in table.columns]
    for column in missing:
        hint = _columns_hint(column, table.columns)
        if source.streaming:
            hint += "; where it comes later only, raise first_rows of the stream"
        problems.add(table.name, column, f"there is no such column; {hint}")
    if missing:
        return []
    columnless = [task for task in labelled.values() if not source.label_columns[task.name] and _reads_column(task)]
    for task in columnless:
        problems.add(
            table.where(0),
            None,
            f"data.{source.name}.labels.{task.name} is null, so no column came, but the model learned '{task.name}' from one "
            f"(loss {task.loss}); name the column (columns: {', '.join(table.columns)})",
        )
    if columnless:
        return []
    encoders = [
        (task, source.label_columns[name], label_encoder(task, source.label_names.get(name, {})))
        for name, task in labelled.items()
    ]
    return [_encode_record(table, index, source, encoders, problems) for index in range(len(table.records))]


def _encode_record(
    table: Table,
    index: int,
    source: DataSource,
    encoders: list[tuple[TaskConfig, list[str], Encoder]],
    problems: DataProblems,
) -> Row:
    record, where = table.records[index], table.where(index)
    row = _input(record, where, source, table.is_text_only, problems)
    labels: dict[str, Any] = {}
    for task, columns, encode in encoders:
        try:
            value = read_label(record, columns, task.kind, table.is_text_only)
            if value is None:
                continue
            label = encode(value)
            if label is None:
                continue
            labels[task.name] = label
            words = row.get("words")
            if task.is_token and words is not None and len(value) != len(words):
                raise ValueError(f"{len(value)} tags came for {len(words)} words; write one tag a word")
        except ValueError as error:
            problems.add(where, ", ".join(columns), error)
    row["labels"] = labels
    row["where"] = where
    return row


def _input(record: dict[str, Any], where: str, source: DataSource, is_text_only: bool, problems: DataProblems) -> Row:
    read: Callable[[Any], Any] = checked_text
    if source.words is not None:
        read = words_of_cell if is_text_only else checked_words
    values = []
    for column in source.input_columns:
        try:
            values.append(read(record.get(column)))
        except ValueError as error:
            problems.add(where, column, error)
            return {}
    if source.words is not None:
        return {"words": values[0]}
    return {"text": tuple(values) if source.is_pair else values[0]}


def _reads_column(task: TaskConfig) -> bool:
    return task.loss != "multiple_negatives_ranking"  # for which every row may count as a pair that belongs together


def _columns_hint(column: str, columns: list[str]) -> str:
    return f"{suggest_name(column, columns)} (columns: {', '.join(columns)})"
