"""Which labels a task has in the rows of one split, and how often."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...configuration.task_kinds_polyhead import LABELLED_KINDS
from ...configuration.tasks_polyhead import TaskConfig
from ..data.rows import Row


@dataclass(frozen=True)
class NumberSummary:
    """Lowest, mean and highest number."""

    lowest: float
    mean: float
    highest: float


@dataclass(frozen=True)
class LabelSummary:
    """One task in one split.

    Args:
        num_rows: Rows labelled for the task.
        counts: By label, in the task's order: rows that have it, words for token tasks; None for numbers.
        numbers: By value of a regression, `value` where it has only one; None for labels.
    """

    num_rows: int
    counts: dict[str, int] | None
    numbers: dict[str, NumberSummary] | None


def summarize_labels(task: TaskConfig, rows: Iterable[Row]) -> LabelSummary | None:
    """Count a task's labels; None where no row has one."""
    values = [row["labels"][task.name] for row in rows if task.name in row["labels"]]
    if not values:
        return None
    if task.kind in LABELLED_KINDS:
        found = Counter(label for value in values for label in labels_of(task, value))
        return LabelSummary(len(values), {label: found[label] for label in task.known_labels}, None)
    columns: list[Sequence[float]] = list(zip(*values, strict=True)) if isinstance(values[0], list) else [values]
    names = task.labels or ["value"]
    return LabelSummary(
        len(values), None, {name: _summary(column) for name, column in zip(names, columns, strict=True)}
    )


def labels_of(task: TaskConfig, value: Any) -> list[Any]:
    """Return the labels, or the numbers, that an encoded value of a row stands for."""
    if task.kind not in LABELLED_KINDS:
        return value if isinstance(value, list) else [value]
    if task.kind == "multi_label_classification":
        return [label for label, is_on in zip(task.known_labels, value, strict=True) if is_on]
    return [task.known_labels[label] for label in (value if task.is_token else [value])]


def _summary(numbers: Sequence[float]) -> NumberSummary:
    return NumberSummary(min(numbers), sum(numbers) / len(numbers), max(numbers))
