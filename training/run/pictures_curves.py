"""Losses and scores of the tasks over the optimizer steps."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...configuration.tasks_polyhead import TaskConfig
from ..metrics.multi_task_score import primary_metric

Entries = Sequence[Mapping[str, Any]]
Curve = tuple[list[int], list[float]]
_REACH = 4  # log entries on each side in a running mean


def curve(entries: Entries, key: str) -> Curve:
    """Return the steps at which a value was logged, and the values; one that was not finite is NaN."""
    found = [(entry["step"], math.nan if entry[key] is None else entry[key]) for entry in entries if key in entry]
    return [step for step, _ in found], [value for _, value in found]


def colour(position: int) -> str:
    """Return the colour of a task, by its position: the same in every picture."""
    return f"C{position % 10}"


def draw_losses(entries: Entries, tasks: Sequence[TaskConfig]) -> Figure | None:
    """Draw a panel a task, because losses of different kinds have no common scale; None where nothing was logged."""
    shown = [task for task in tasks if curve(entries, f"loss/{task.name}")[0]]
    if not shown:
        return None
    num_columns = min(3, len(shown))
    num_rows = math.ceil(len(shown) / num_columns)
    figure = Figure(figsize=(4 * num_columns, 2.8 * num_rows + 0.4), layout="constrained")
    panels = figure.subplots(num_rows, num_columns, squeeze=False).flatten()
    for position, (panel, task) in enumerate(zip(panels, shown, strict=False)):
        _draw_loss(panel, entries, task.name, colour(position))
    for panel in panels[len(shown) :]:
        panel.set_visible(False)
    figure.suptitle("Loss of each task")
    return figure


def draw_scores(entries: Entries, tasks: Sequence[TaskConfig]) -> Figure | None:
    """Draw each task's main metric on the validation split, and the multi-task score; None where none was measured."""
    steps, scores = curve(entries, "eval_score")
    if not steps:
        return None
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    axes = figure.subplots()
    for position, task in enumerate(tasks):
        metric = primary_metric(task)
        found = curve(entries, f"eval_{task.name}_{metric}")
        axes.plot(*found, color=colour(position), marker="o", markersize=4, label=f"{task.name} ({metric})")
    axes.plot(steps, scores, color="black", linewidth=2.2, marker="o", markersize=4, label="multi-task score")
    axes.set(xlabel="optimizer step", ylabel="score on the validation split", title="Scores of each task")
    axes.set_xlim(left=0)
    _finish(axes)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _draw_loss(panel: Axes, entries: Entries, task: str, line_colour: str) -> None:
    steps, losses = curve(entries, f"loss/{task}")
    panel.plot(steps, losses, color=line_colour, alpha=0.3, linewidth=1)
    panel.plot(steps, _running_mean(losses), color=line_colour, linewidth=2, label="training")
    found = curve(entries, f"eval_{task}_loss")
    if found[0]:
        panel.plot(*found, color="black", linestyle="--", marker="o", markersize=4, label="validation")
    panel.set(title=task, xlabel="optimizer step", ylabel="loss")
    panel.set_xlim(left=0)
    _finish(panel)
    panel.legend(fontsize="small")


def _running_mean(values: Sequence[float]) -> list[float]:
    windows = [values[max(0, middle - _REACH) : middle + _REACH + 1] for middle in range(len(values))]
    return [sum(window) / len(window) for window in windows]


def _finish(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
