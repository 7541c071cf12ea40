"""Learning rates of the optimizer's groups over the steps."""

import math
from collections.abc import Mapping

from matplotlib import colormaps
from matplotlib.figure import Figure

from .pictures_curves import Curve, Entries, curve


def draw_rates(entries: Entries) -> Figure | None:
    """Draw the logged rate of each group; None where none was logged."""
    keys = list(dict.fromkeys(key for entry in entries for key in entry if key.startswith("lr/")))
    return plot_rates({key.removeprefix("lr/"): curve(entries, key) for key in keys}) if keys else None


def plot_rates(curves: Mapping[str, Curve]) -> Figure:
    """Draw rates by group, from the bottom of the model to its top, over the optimizer steps; NaN and 0 leave a gap."""
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    axes = figure.subplots()
    colours = colormaps["viridis"]
    for position, (name, (steps, rates)) in enumerate(curves.items()):
        shown = [rate if rate > 0 else math.nan for rate in rates]  # a logarithmic axis has no 0
        # Groups of equal rates lie on one another: the lower lines are wider, so that they show.
        width = 1.5 + 1.5 * (len(curves) - 1 - position) / max(1, len(curves) - 1)
        axes.plot(steps, shown, linewidth=width, color=colours(0.92 * position / max(1, len(curves) - 1)), label=name)
    axes.set(xlabel="optimizer step", ylabel="learning rate", yscale="log", title="Learning rate of each group")
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
