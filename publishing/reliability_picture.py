"""Reliability diagrams: how often answers are right that are so and so sure."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .calibration import Calibration
from .calibration_error import Bins


def draw_reliability(calibrations: Sequence[Calibration], folder: Path) -> list[Path]:
    """Draw one diagram a task, before and after, as PNG files.

    Args:
        calibrations: What was fitted.
        folder: Made where missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for calibration in calibrations:
        figure = Figure(figsize=(8, 4), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        _draw(left, calibration.bins_before, f"before, ECE {calibration.ece_before:.3f}")
        _draw(right, calibration.bins_after, f"after, ECE {calibration.ece_after:.3f}")
        left.set_ylabel("share that is right")
        figure.suptitle(f"{calibration.task.name}: temperature {calibration.task.temperature:.2f}")
        files.append(folder / f"reliability_{calibration.task.name}.png")
        figure.savefig(files[-1], dpi=110)
    return files


def _draw(axes: Axes, bins: Bins, title: str) -> None:
    sure, right, counts = bins
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--")
    axes.plot(sure, right, color="tab:blue", linewidth=1)
    axes.scatter(sure, right, s=10 + 190 * counts / counts.max(), color="tab:blue", alpha=0.6)  # area: decisions
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", title=title)
