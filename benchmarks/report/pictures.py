"""The pictures of the report: ratios beside their targets, and how rates and memory grow."""

import math
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .report import Results, curves, rows

PARTS = {
    ">=": "How many times as fast: met to the right of the mark",
    "<=": "How many times the time or memory: met to the left of the mark",
}


def draw_pictures(results: Results, folder: Path) -> None:
    """Write `performance_ratios.png` and `performance_growth.png`, those for which something was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in (("ratios", _ratios(results)), ("growth", _growth(results))):
        if figure is not None:
            figure.savefig(folder / f"performance_{name}.png", dpi=110)


def _ratios(results: Results) -> Figure | None:
    shown = [row for row in rows(results) if row["measured"] and row["target"] and row["unit"] == "x"]
    parts = {sign: part for sign in PARTS if (part := [row for row in shown if row["target"].startswith(sign)])}
    if not parts:
        return None
    heights = [len(part) + 1 for part in parts.values()]
    figure = Figure(figsize=(12, 0.42 * sum(heights) + 0.8), layout="constrained")
    panels = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights).flatten()
    for panel, (sign, part) in zip(panels, parts.items(), strict=True):
        _bars(panel, part)
        panel.set_title(PARTS[sign], fontsize="medium", loc="left")
    figure.suptitle("Ratios, with the spread over the rounds and the target")
    return figure


def _bars(panel: Axes, part: list[dict[str, Any]]) -> None:
    for place, row in enumerate(part):
        found = row["measured"]
        reach = [[max(found["median"] - found["low"], 0)], [max(found["high"] - found["median"], 0)]]
        panel.barh(place, found["median"], color="C0" if row["met"] else "C3", height=0.6)
        panel.errorbar(found["median"], place, xerr=reach, color="black", capsize=3, linewidth=1)
        panel.plot(float(row["target"].split()[1]), place, marker="|", color="black", markersize=16, markeredgewidth=2)
    names = [f"{row['work']} against {row['against']}".replace("`", "") for row in part]
    panel.set_yticks(
        range(len(part)), [name if len(name) < 95 else f"{name[:92]}..." for name in names], fontsize="small"
    )
    panel.invert_yaxis()
    _finish(panel)


def _growth(results: Results) -> Figure | None:
    shown = curves(results)
    if not shown:
        return None
    num_rows = math.ceil(len(shown) / 2)
    figure = Figure(figsize=(10, 3.4 * num_rows + 0.4), layout="constrained")
    panels = figure.subplots(num_rows, 2, squeeze=False).flatten()
    for panel, curve in zip(panels, shown, strict=False):
        for name, points in curve["lines"].items():
            panel.plot(*zip(*points, strict=True), marker="o", markersize=4, label=name)
        panel.set_xscale(
            "log", base=2 if max(x for points in curve["lines"].values() for x, _ in points) < 5000 else 10
        )
        highest = [max(y for _, y in points) for points in curve["lines"].values()]
        if max(highest) > 5 * min(highest):  # on one scale from 0, the lower line would lie on the axis
            panel.set_yscale("log")
        else:
            panel.set_ylim(0, 1.15 * max(highest))
        panel.set(title=curve["name"].replace("`", ""), xlabel=curve["x"], ylabel=curve["y"])
        panel.legend(fontsize="small")
        _finish(panel)
    for panel in panels[len(shown) :]:
        panel.set_visible(False)
    return figure


def _finish(panel: Axes) -> None:
    panel.grid(alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)
