"""The pictures of a study: score against cost, learning curves, score over the number of rows."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..run.pictures_curves import colour
from .comparison import Section
from .report import section_title
from .variant_result import VariantResult

_MARKERS = "osD^"  # the next one after each ten variants, when the colours begin again
_LINE_OF_LEGEND = 0.2  # inches
_TIME, _SCORE = "seconds of training", "score on validation"
_LOW = 0.4  # share of the best score: what stays below would press all the others together


def draw_pareto(sections: Sequence[Section]) -> Figure:
    """Draw the score of each variant over its training time; a line joins those that no other beats in both."""
    figure, panels = _panels(sections)
    for panel, section in zip(panels, sections, strict=True):
        for position, variant in enumerate(section.variants):
            if variant.lines:
                _draw_point(panel, variant, _style(position))
        front = pareto_front(section)
        panel.step([v.cost for v in front], [v.score.value for v in front], where="post", color="grey", linewidth=1)
        panel.set(title=section_title(section), xlabel=_TIME, ylabel=_SCORE)
        scores = [variant.score for variant in section.measured]
        _cut_off_low(panel, [end for s in scores for end in (s.low, s.value, s.high) if end is not None])
        _tell_cut_off(panel, section)
    _finish(figure, panels, "Score against cost")
    return figure


def pareto_front(section: Section) -> list[VariantResult]:
    """Return the variants that no other beats in both score and time, the fastest first."""
    front: list[VariantResult] = []
    for variant in sorted(section.measured, key=lambda v: (v.cost, -v.score.value)):
        if not front or variant.score.value > front[-1].score.value:
            front.append(variant)
    return front


def draw_curves(sections: Sequence[Section]) -> Figure:
    """Draw the mean score over the time of training, at those steps at which every seed of a variant was measured.

    Each variant's steps are taken to last equally long, and the last that was measured to end its time.
    """
    figure, panels = _panels(sections)
    for panel, section in zip(panels, sections, strict=True):
        for position, variant in enumerate(section.variants):
            if variant.lines:
                steps, scores = mean_curve(variant)
                times = [variant.cost * step / steps[-1] for step in steps]
                panel.plot(times, scores, **_style(position), markersize=3, label=variant.name)
        panel.set(title=section_title(section), xlabel=_TIME, ylabel=_SCORE)
        _cut_off_low(panel, [score for variant in section.measured for score in mean_curve(variant)[1]])
    _finish(figure, panels, "Learning curves, mean over the seeds")
    return figure


def mean_curve(variant: VariantResult) -> tuple[list[int], list[float]]:
    """Return the steps at which all seeds were measured, and the mean score there."""
    curves = [dict(line["curve"]) for line in variant.lines.values()]
    steps = sorted(set(curves[0]).intersection(*curves))
    return steps, [sum(curve[step] for curve in curves) / len(curves) for step in steps]


def draw_sizes(sections: Sequence[Section]) -> Figure | None:
    """Draw the score over the number of training rows; None where a study has one size."""
    recipes = list(dict.fromkeys(section.recipe for section in sections))
    by_recipe = {recipe: [section for section in sections if section.recipe == recipe] for recipe in recipes}
    if max(map(len, by_recipe.values())) < 2:
        return None
    figure, panels = _panels(recipes)
    for panel, (recipe, sized) in zip(panels, by_recipe.items(), strict=True):
        labels = ["all" if section.size is None else str(section.size) for section in sized]
        for position, variant in enumerate(sized[0].variants):
            found = [(place, s.variant(variant.name)) for place, s in enumerate(sized) if s.variant(variant.name).lines]
            means = [v.score for _, v in found]
            reach = [0.0 if mean.high is None else mean.high - mean.value for mean in means]
            places = [place + 0.06 * (position - len(sized[0].variants) / 2) for place, _ in found]
            line: dict[str, Any] = {**_style(position), "capsize": 3, "label": variant.name}
            panel.errorbar(places, [mean.value for mean in means], yerr=reach, **line)
        panel.set_xticks(range(len(labels)), labels)
        panel.set(title=recipe, xlabel="training rows", ylabel=_SCORE)
    _finish(figure, panels, "Score by number of rows, with 95% intervals")
    return figure


def _style(position: int) -> dict[str, Any]:
    return {"color": colour(position), "marker": _MARKERS[position // 10 % len(_MARKERS)]}


def _draw_point(panel: Axes, variant: VariantResult, style: dict[str, Any]) -> None:
    score = variant.score
    reach = 0.0 if score.high is None else score.high - score.value
    panel.errorbar(
        variant.cost, score.value, yerr=reach, **style, capsize=3, linewidth=0, elinewidth=1, label=variant.name
    )


def _cut_off_low(panel: Axes, values: Sequence[float]) -> None:
    """Let a panel begin at the lowest of some values that is not far below the best; a best of 0 or less has no share."""
    limit = _LOW * max(values, default=0.0)
    kept = [value for value in values if value >= limit]
    if limit > 0 and len(kept) < len(values):
        room = 0.08 * (max(kept) - min(kept)) or 0.05
        panel.set_ylim(min(kept) - 2 * room, max(kept) + room)


def _tell_cut_off(panel: Axes, section: Section) -> None:
    """Write the score of a variant that lies below the picture where it would stand."""
    panel.margins(x=0.1)  # room for the figures
    bottom = panel.get_ylim()[0]
    for position, variant in enumerate(section.variants):
        if variant.lines and variant.score.value < bottom:
            told: dict[str, Any] = {"color": colour(position), "ha": "center", "va": "bottom", "fontsize": "small"}
            panel.annotate(f"\N{DOWNWARDS ARROW} {variant.score.value:.2f}", (variant.cost, bottom), **told)


def _panels(shown: Sequence[object]) -> tuple[Figure, list[Axes]]:
    num_columns = min(3, len(shown))
    num_rows = math.ceil(len(shown) / num_columns)
    figure = Figure(figsize=(4.6 * num_columns, 3.4 * num_rows + 0.4), layout="constrained")
    panels = list(figure.subplots(num_rows, num_columns, squeeze=False).flatten())
    for panel in panels[len(shown) :]:
        panel.set_visible(False)
    return figure, panels[: len(shown)]


def _finish(figure: Figure, panels: Sequence[Axes], title: str) -> None:
    for panel in panels:
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    known = {
        label: handle for panel in panels for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    num_columns = min(3, len(panels))
    figure.set_figheight(figure.get_figheight() + _LINE_OF_LEGEND * (math.ceil(len(known) / num_columns) + 1))
    figure.legend(list(known.values()), list(known), fontsize="small", loc="outside lower center", ncols=num_columns)
    figure.suptitle(title)
