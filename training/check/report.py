"""The report on a recipe's data: every split of every data set, what repeats, and what to look at."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...configuration.tasks_polyhead import TaskConfig
from ..building import build_model
from ..data.examples import MultiTaskDataset
from ..data.rows import LoadedData, load_data
from ..recipe.recipe import load_recipe
from ..recipe.recipe_sections import Split
from ..starting_checkpoint import starting_tasks
from .label_summary import LabelSummary, summarize_labels
from .lengths import TextLengths, count_cut, measure_lengths
from .repeats import Conflict, Overlap, Repeat, find_conflicts, find_overlaps, find_repeats

Lengths = Mapping[Split, Mapping[str, TextLengths]]


@dataclass(frozen=True)
class SplitReport:
    """One split of one data set.

    Args:
        dataset: Name of the data set.
        split: `train`, `validation` or `test`.
        num_rows: All rows; of a stream the first ones, which alone were read.
        labels: By task that the split labels.
        lengths: Of the texts; None where they were not tokenized.
        is_stream: Whether there may be more rows.
    """

    dataset: str
    split: Split
    num_rows: int
    labels: dict[str, LabelSummary]
    lengths: TextLengths | None
    is_stream: bool = False


@dataclass(frozen=True)
class DataReport:
    """All data of a recipe.

    Args:
        tasks: Completed from the train splits.
        splits: Every split of every data set: train first.
        repeats: Texts that stand in train more than once.
        conflicts: Texts that stand in train with different labels.
        overlaps: Texts that stand in two splits.
    """

    tasks: list[TaskConfig]
    splits: list[SplitReport]
    repeats: list[Repeat]
    conflicts: list[Conflict]
    overlaps: list[Overlap]

    def num_rows(self, split: str) -> int:
        """Rows of one split in all data sets."""
        return sum(part.num_rows for part in self.splits if part.split == split)

    def label_counts(self, task: str, split: str) -> dict[str, int]:
        """Add up how often a split has each label of a task; empty for numbers."""
        total: dict[str, int] = {}
        for part in self.splits:
            summary = part.labels.get(task) if part.split == split else None
            for label, count in ((summary.counts if summary else None) or {}).items():
                total[label] = total.get(label, 0) + count
        return total

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data; the tasks by name and kind."""
        plain = {**asdict(self), "tasks": [{"name": task.name, "kind": task.kind} for task in self.tasks]}
        for part, written in zip(self.splits, plain["splits"], strict=True):
            if part.lengths is not None:
                written["lengths"]["share_longer"] = part.lengths.share_longer
        return plain


def check_recipe(path: str | Path, overrides: Sequence[str] = ()) -> DataReport:
    """Read all rows of a recipe, and tokenize them as its model will.

    Args:
        path: The recipe.
        overrides: As in `load_recipe`.

    Raises:
        RecipeError: Lists what is wrong in the recipe.
        DataError: Lists what is wrong in the rows.
    """
    recipe = load_recipe(path, overrides)
    trained, new = starting_tasks(recipe)
    data = load_data(new, recipe.data, trained)
    model = build_model(recipe, data)  # only the model knows what it reads: its tokenizer and its longest input
    lengths: Lengths = {
        split: {name: measure_lengths(rows, model.tokenizer, model.max_length) for name, rows in by_source.items()}
        for split, by_source in data.rows.items()
    }
    return check_data(data, lengths)


def check_data(data: LoadedData, lengths: Lengths) -> DataReport:
    """Report on rows that are read already.

    Args:
        data: All rows.
        lengths: Of their texts, by split and data set, where they are known.
    """
    splits = [
        SplitReport(
            name,
            split,
            len(rows),
            _labels(data.tasks, rows),
            lengths.get(split, {}).get(name),
            is_stream=split == "train" and name in data.streams,
        )
        for split, by_source in data.rows.items()
        for name, rows in by_source.items()
    ]
    train = data.rows["train"]
    return DataReport(
        data.tasks, splits, find_repeats(train), find_conflicts(train, data.tasks), find_overlaps(data.rows)
    )


def tokenized_lengths(datasets: Mapping[Split, MultiTaskDataset | None], limit: int) -> Lengths:
    """Return what data sets that are tokenized already know of their texts' lengths."""
    return {
        split: {
            name: count_cut((dataset.examples[index] for index in span), limit) for name, span in dataset.ranges.items()
        }
        for split, dataset in datasets.items()
        if dataset is not None
    }


def _labels(tasks: Sequence[TaskConfig], rows: Sequence[Any]) -> dict[str, LabelSummary]:
    summaries = {task.name: summarize_labels(task, rows) for task in tasks}
    return {name: summary for name, summary in summaries.items() if summary is not None}
