"""The report on a recipe's data for people: all of it for `polyhead check`, a few lines before training."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .tables import visible

if TYPE_CHECKING:
    from .training.check.label_summary import LabelSummary
    from .training.check.report import DataReport
    from .training.check.warnings import DataWarning

_MOST_LABELS = 8  # of one task whose counts are all shown
_MOST_WARNINGS = 3  # shown before training


def print_report(report: "DataReport", warnings: Sequence["DataWarning"]) -> None:
    """Print rows and lengths of every split, labels of every task, and the warnings with examples."""
    console = Console()
    console.print(_rows_table(report))
    console.print(_labels_table(report))
    for line in _about_streams(report):
        console.print(Text(line), soft_wrap=True)
    for warning in warnings:
        console.print(Text(f"warning: {visible(warning.message)}"), soft_wrap=True)
        for example in warning.examples:
            console.print(Text(f"  {visible(example)}"), soft_wrap=True)
    print(f"no problems, {_count(warnings)}")


def print_short_report(report: "DataReport", warnings: Sequence["DataWarning"], command: str) -> None:
    """Print what a run should be begun with on standard error: labels, cut texts, the first warnings."""
    console = Console(stderr=True, highlight=False)
    for line in _about_streams(report):
        console.print(Text(line), soft_wrap=True)
    for task in report.tasks:
        for part in report.splits:
            if part.split == "train" and task.name in part.labels:
                line = f"{task.name} ({part.dataset}): {part.labels[task.name].num_rows:,} training rows; "
                console.print(Text(visible(line + _described(part.labels[task.name]))), soft_wrap=True)
    lengths = [part.lengths for part in report.splits if part.split == "train" and part.lengths is not None]
    longer, total = sum(item.num_longer for item in lengths), sum(item.num_texts for item in lengths)
    if longer:
        share = f"{longer:,} of {total:,} training texts ({longer / total:.1%})"
        console.print(Text(f"{share} are longer than {lengths[0].limit} tokens and are cut"), soft_wrap=True)
    elif total:
        whole = f"none of {total:,} training texts is longer than the {lengths[0].limit} tokens that are read"
        console.print(Text(whole), soft_wrap=True)
    for warning in warnings[:_MOST_WARNINGS]:
        console.print(Text(f"warning: {visible(warning.message)}"), soft_wrap=True)
    if warnings:
        console.print(Text(f"{_count(warnings)}; all, with rows: {command}"), soft_wrap=True)


def _about_streams(report: "DataReport") -> list[str]:
    return [
        f"{visible(part.dataset)} is a stream: its first {part.num_rows:,} training rows alone were read and are counted here"
        for part in report.splits
        if part.is_stream
    ]


def _rows_table(report: "DataReport") -> Table:
    table = Table(title="rows, and tokens of their texts", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("data set", "split"):
        table.add_column(heading, overflow="fold")
    for heading in ("rows", "median", "95 %", "longest", "limit", "longer"):
        table.add_column(heading, justify="right", no_wrap=True)
    for part in report.splits:
        lengths = part.lengths
        numbers: list[str] = []
        if lengths is not None:
            counted = (lengths.median, lengths.percentile_95, lengths.longest, lengths.limit)
            numbers = [*map(str, counted), f"{lengths.num_longer:,} ({lengths.share_longer:.1%})"]
        table.add_row(visible(part.dataset), part.split, f"{part.num_rows:,}", *numbers)
    return table


def _labels_table(report: "DataReport") -> Table:
    table = Table(title="labels", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("task", "data set", "split"):
        table.add_column(heading, overflow="fold")
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("labels", overflow="fold", ratio=1)
    for task in report.tasks:
        for part in report.splits:
            if task.name in part.labels:
                summary = part.labels[task.name]
                cells = (task.name, visible(part.dataset), part.split, f"{summary.num_rows:,}")
                table.add_row(*cells, Text(visible(_described(summary))))
    return table


def _described(summary: "LabelSummary") -> str:
    if summary.numbers is not None:
        return ", ".join(
            f"{name} {number.lowest:.4g} to {number.highest:.4g}, mean {number.mean:.4g}"
            for name, number in summary.numbers.items()
        )
    ordered = sorted((summary.counts or {}).items(), key=lambda item: -item[1])
    if len(ordered) <= _MOST_LABELS:
        return ", ".join(f"{label} {count:,}" for label, count in ordered)
    (most, highest), (least, lowest) = ordered[0], ordered[-1]
    return f"{len(ordered)} labels, from {most} {highest:,} to {least} {lowest:,}"


def _count(warnings: Sequence["DataWarning"]) -> str:
    return f"{len(warnings)} warning{'' if len(warnings) == 1 else 's'}"
