"""Shares of the tasks in the labels that a run has learned from."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from ...configuration.tasks_polyhead import TaskConfig
from .pictures_curves import Entries, colour

_MOST_BARS = 40


def draw_shares(entries: Entries, tasks: Sequence[TaskConfig]) -> Figure | None:
    """Stack each task's share of the labels, in bars over the run; None where nothing was logged."""
    logged = [entry for entry in entries if any(f"share/{task.name}" in entry for task in tasks)]
    if not logged:
        return None
    per_bar = math.ceil(len(logged) / _MOST_BARS)
    bars = [logged[start : start + per_bar] for start in range(0, len(logged), per_bar)]
    ends = [bar[-1]["step"] for bar in bars]
    starts = [0, *ends[:-1]]
    widths = [end - start for start, end in zip(starts, ends, strict=True)]
    figure = Figure(figsize=(7.5, 3.4), layout="constrained")
    axes = figure.subplots()
    floor = [0.0] * len(bars)
    for position, task in enumerate(tasks):
        heights = [sum(entry.get(f"share/{task.name}", 0.0) for entry in bar) / len(bar) for bar in bars]
        axes.bar(starts, heights, widths, floor, align="edge", color=colour(position), label=task.name)
        floor = [below + height for below, height in zip(floor, heights, strict=True)]
    axes.set(xlabel="optimizer step", ylabel="share of the labels", title="Share of each task", ylim=(0, 1))
    axes.set_xlim(0, ends[-1])
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)
    return figure
