"""The same text again: twice in train, with two labels, or in two splits."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ...configuration.tasks_polyhead import TaskConfig
from ..data.examples import row_text
from ..data.rows import Row
from .label_summary import labels_of

# Rows of one split by data set; what follows names a row `data set/file:row`, because files share their names.
RowsBySource = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Repeat:
    """A text that stands in several rows which are labelled for a task in common.

    Args:
        text: As its first row has it; of a pair both, joined by " | ".
        rows: All its rows, `data set/file:row`.
    """

    text: str
    rows: list[str]


@dataclass(frozen=True)
class Conflict:
    """A text of train whose rows give a task different labels.

    Args:
        task: The task.
        text: As its first row has it.
        labels: By row, what it says.
    """

    task: str
    text: str
    labels: dict[str, list[Any]]


@dataclass(frozen=True)
class Overlap:
    """Rows of one split whose text stands in an earlier split too.

    Args:
        splits: The earlier and the later one.
        num_rows: Rows of the later split concerned.
        repeats: Each with its rows in the earlier split first.
    """

    splits: tuple[str, str]
    num_rows: int
    repeats: list[Repeat]


@dataclass(frozen=True)
class _Place:
    name: str
    row: Row


def normalized_text(row: Row) -> tuple[str, ...]:
    """Return what makes texts equal: letters and marks, whatever their case and the blanks between them.

    >>> normalized_text({"text": "My  card"}) == normalized_text({"words": ["my", "Card"]})
    True
    """
    second = (row["text"][1],) if isinstance(row.get("text"), tuple) else ()
    return tuple(" ".join(text.casefold().split()) for text in (row_text(row), *second))


def find_repeats(train: RowsBySource) -> list[Repeat]:
    """Return the texts that stand in several rows of train for one task."""
    repeats = []
    for places in _by_text(train).values():
        named = {place.name: place for group in _by_task(places).values() if len(group) > 1 for place in group}
        if named:
            repeats.append(Repeat(_shown(places[0]), list(named)))
    return repeats


def find_conflicts(train: RowsBySource, tasks: Iterable[TaskConfig]) -> list[Conflict]:
    """Return the texts of train that have different labels, numbers too, for one task."""
    known = {task.name: task for task in tasks}
    conflicts = []
    for places in _by_text(train).values():
        for name, group in _by_task(places).items():
            labels = {place.name: labels_of(known[name], place.row["labels"][name]) for place in group}
            if any(value != next(iter(labels.values())) for value in labels.values()):
                conflicts.append(Conflict(name, _shown(group[0]), labels))
    return conflicts


def find_overlaps(rows: Mapping[Any, RowsBySource]) -> list[Overlap]:
    """Compare every two splits; a pair of splits without a common text is left out."""
    indexed = {split: _by_text(by_source) for split, by_source in rows.items()}
    found = [_overlap((first, second), indexed[first], indexed[second]) for first, second in combinations(rows, 2)]
    return [overlap for overlap in found if overlap.num_rows]


def _overlap(
    splits: tuple[str, str], earlier: dict[tuple[str, ...], list[_Place]], later: dict[tuple[str, ...], list[_Place]]
) -> Overlap:
    repeats, num_rows = [], 0
    for text, places in later.items():
        named = _by_task(earlier.get(text, []))
        again = [place for place in places if named.keys() & place.row["labels"].keys()]
        if again:
            tasks = {task for place in again for task in place.row["labels"]}
            first = {place.name: None for task, group in named.items() if task in tasks for place in group}
            repeats.append(Repeat(_shown(again[0]), [*first, *(place.name for place in again)]))
            num_rows += len(again)
    return Overlap(splits, num_rows, repeats)


def _by_text(rows: RowsBySource) -> dict[tuple[str, ...], list[_Place]]:
    places: dict[tuple[str, ...], list[_Place]] = defaultdict(list)
    for source, source_rows in rows.items():
        for row in source_rows:
            places[normalized_text(row)].append(_Place(f"{source}/{row['where']}", row))
    return dict(places)


def _by_task(places: Iterable[_Place]) -> dict[str, list[_Place]]:
    groups: dict[str, list[_Place]] = defaultdict(list)
    for place in places:
        for task in place.row["labels"]:
            groups[task].append(place)
    return groups


def _shown(place: _Place) -> str:
    text = place.row.get("text")
    return " | ".join(text) if isinstance(text, tuple) else row_text(place.row)
