"""Completing the tasks from the training data: labels, and the scale of numbers."""

import contextlib
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...configuration.task_kinds_polyhead import BIO_TAG, LABELLED_KINDS
from ...configuration.tasks_polyhead import TaskConfig
from ...modeling.tag_sequences_polyhead import open_entities
from ..recipe.recipe_sections import DataSource
from .data_error import DataProblems
from .label_columns import train_values
from .label_values import label_encoder, label_text, to_list, to_number
from .table import Table
from .tables import has_split, read_table

_LIST_KINDS = ("multi_label_classification", "token_classification")


def collect_labels(tasks: Sequence[TaskConfig], sources: Sequence[DataSource]) -> list[TaskConfig]:
    """Read the train splits and fill in what the recipe left out.

    Returns:
        The tasks with `labels` (sorted; token tags with "O" first; ordinal ones by number), for regressions
        `target_mean` and `target_scale` (1 where all targets are equal), for pair similarity
        `value_range` where labels lie outside 0 to 1.

    Raises:
        DataError: A task has no usable label, or its labels do not fit its kind.
    """
    problems = DataProblems()
    tables = [(source, read_table(source, "train")) for source in sources if has_split(source, "train")]
    completed = complete_tasks(tasks, tables, problems)
    problems.raise_if_any()
    return completed


def complete_tasks(
    tasks: Sequence[TaskConfig], tables: list[tuple[DataSource, Table]], problems: DataProblems
) -> list[TaskConfig]:
    """As `collect_labels`, from tables already read; a task with a problem is left out of the result."""
    completed = []
    for task in tasks:
        try:
            completed.append(_complete(task, tables))
        except ValueError as error:
            problems.add(f"tasks.{task.name}", None, error)
    return completed


def _complete(task: TaskConfig, tables: list[tuple[DataSource, Table]]) -> TaskConfig:
    if task.kind in LABELLED_KINDS and task.labels is None:
        task = dataclasses.replace(task, labels=_found_labels(task, tables))
    if task.kind == "regression" and task.labels is None:
        task = dataclasses.replace(task, labels=_value_names(task, tables))
    if task.kind == "pair_similarity" and task.value_range is None:
        task = dataclasses.replace(task, value_range=_found_range(task, tables))
    usable = _usable_values(task, tables)
    if not usable and task.kind == "pair_similarity" and task.value_range is not None:
        return task  # it has no head that needs rows: it may be there to be measured only
    if not usable:
        raise _no_usable_label(task, tables)
    if task.kind == "regression":
        values = np.asarray(usable, dtype=np.float64).reshape(len(usable), -1)  # (rows, values)
        return _standardised(task, values)
    return task


def _found_labels(task: TaskConfig, tables: list[tuple[DataSource, Table]]) -> list[str]:
    found: set[str] = set()
    for names, values in train_values(task, tables):
        for value in values:
            with contextlib.suppress(ValueError):  # told, with its row, when the rows are read
                items = to_list(value) if task.kind in _LIST_KINDS else [value]
                texts = [label_text(item, names) for item in items]
                found.update(open_entities(texts) if task.is_token else texts)
    if not found:
        raise _no_usable_label(task, tables)
    return _ordered(task, found)


def _ordered(task: TaskConfig, found: Iterable[str]) -> list[str]:
    labels = sorted(found)
    if task.is_token:
        odd = [label for label in labels if not BIO_TAG.fullmatch(label)]
        if odd:
            raise ValueError(f"{odd[:5]} are no BIO tags; write O, B-name or I-name for each word")
        return ["O", *(label for label in labels if label != "O")]
    if task.kind == "ordinal_regression":
        try:
            return sorted(labels, key=float)
        except ValueError:
            raise ValueError(
                f"labels {labels[:10]} have no numeric order; write them in order: `labels: [lowest, ...]`"
            ) from None
    return labels


def _value_names(task: TaskConfig, tables: list[tuple[DataSource, Table]]) -> list[str] | None:
    for source, _ in tables:
        columns = source.label_columns.get(task.name, [])
        if len(columns) > 1:
            return columns
    return None


def _found_range(task: TaskConfig, tables: list[tuple[DataSource, Table]]) -> list[float] | None:
    """Return the range of the labels, None (0 to 1) where that holds them all."""
    numbers = []
    for _, values in train_values(task, tables):
        for value in values:
            with contextlib.suppress(ValueError):  # told, with its row, when the rows are read
                numbers.append(to_number(value))
    lowest, highest = min(numbers, default=0.0), max(numbers, default=1.0)
    return None if (lowest >= 0 and highest <= 1) or lowest == highest else [lowest, highest]


def _usable_values(task: TaskConfig, tables: list[tuple[DataSource, Table]]) -> list[Any]:
    usable = []
    for names, values in train_values(task, tables):
        encode = label_encoder(task, names)
        for value in values:
            with contextlib.suppress(ValueError):  # told, with its row, when the rows are read
                usable.append(encode(value))
    return [value for value in usable if value is not None]


def _standardised(task: TaskConfig, values: np.ndarray) -> TaskConfig:
    scale = values.std(axis=0)
    scale[scale == 0] = 1.0
    return dataclasses.replace(
        task,
        target_mean=task.target_mean or values.mean(axis=0).tolist(),
        target_scale=task.target_scale or scale.tolist(),
    )


def _no_usable_label(task: TaskConfig, tables: list[tuple[DataSource, Table]]) -> ValueError:
    columns = [
        f"{table.name} column {source.labels[task.name]!r}" for source, table in tables if task.name in source.labels
    ]
    seen = next((repr(values[0])[:60] for _, values in train_values(task, tables) if values), None)
    came = f"the first value is {seen}" if seen else "all values are missing"
    remedy = "correct the column or remove the task"
    if any(source.streaming for source, _ in tables if task.name in source.labels):
        remedy += ", or raise first_rows of the stream"
    return ValueError(f"no usable label in {', '.join(columns) or 'any train split'}: {came}; {remedy}")
