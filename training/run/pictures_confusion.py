"""Confusion matrix of one task."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..metrics.confusion import Confusion

_MOST_WITH_NUMBERS = 20  # labels; with more, the numbers would not fit into the cells
_INCHES_PER_LABEL = 0.15


def draw_confusion(task: str, confusion: Confusion) -> Figure:
    """Draw which label was taken for which, as shares of the rows that truly have the label.

    Args:
        task: Name, for the title.
        confusion: Counts. A label that no row has gets a grey line.
    """
    num_labels = len(confusion.labels)
    with_numbers = num_labels <= _MOST_WITH_NUMBERS
    side = max(3.4, (0.55 if with_numbers else _INCHES_PER_LABEL) * num_labels + 1.5)
    figure = Figure(figsize=(side + 1.2, side), layout="constrained")
    axes = figure.subplots()
    totals = confusion.counts.sum(axis=1, keepdims=True)  # (labels, 1)
    shares = np.where(totals > 0, confusion.counts / np.maximum(totals, 1), np.nan)
    colours = colormaps["Blues"].with_extremes(bad="lightgrey")
    image = axes.imshow(shares, cmap=colours, vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true label")
    size = 9 if with_numbers else 6
    axes.set_xticks(range(num_labels), [_short(label) for label in confusion.labels], rotation=90, fontsize=size)
    counted = zip(confusion.labels, totals[:, 0], strict=True)
    axes.set_yticks(range(num_labels), [f"{_short(label)} ({total})" for label, total in counted], fontsize=size)
    unit_total = int(totals.sum())
    right = int(confusion.counts.trace())
    axes.set(xlabel="predicted", ylabel="true (count)", title=f"{task}: {right} of {unit_total} right")
    if with_numbers:
        _write_numbers(axes, shares)
    return figure


def _write_numbers(axes: Axes, shares: np.ndarray) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if share > 0:
            on_dark = share > 0.5
            text = f"{share:.2f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if on_dark else "black")


def _short(label: str) -> str:
    # A dollar sign would begin mathematics, a long label would leave no room for the matrix.
    text = label if len(label) <= 32 else f"{label[:31]}…"
    return text.replace("$", r"\$")
