"""One task's answer as a card: a bar for each label or value. Whatever comes from a model or a user is escaped."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .marked_text import mark_entities

_MOST_BARS = 5  # shown at once; the others unfold
_STANDARD_DEVIATIONS = 3  # of the training data, from the middle of a value's bar to its ends


def render_card(task: Any, answer: Mapping[str, Any], text: str) -> str:
    """Return the card of one answer as HTML.

    Args:
        task: A `TaskConfig`, of the package or of a checkpoint's code.
        answer: As `predict` gives it.
        text: What was answered; entities are marked in it.
    """
    if "error" in answer:
        return framed(task.name, task.kind, f'<p class="ph-problem">{escape(str(answer["error"]))}</p>')
    if "entities" in answer:
        return framed(task.name, task.kind, mark_entities(text, answer["entities"]))
    if "scores" in answer:
        return framed(task.name, task.kind, _scores(answer))
    values = answer.get("values", {"value": answer.get("value")})
    return framed(task.name, task.kind, _values(task, values))


def framed(title: str, kind: str, content: str) -> str:
    """Return a card with a heading around content that is HTML already."""
    heading = f"<h2>{escape(title)}</h2><p>{escape(kind.replace('_', ' '))}</p>"
    return f'<section class="ph-card"><header>{heading}</header>{content}</section>'


def bar(label: str, share: float, shown: str, is_chosen: bool = False) -> str:
    """Return one line: a label, a bar filled to `share` (0 to 1), and the number as it is shown."""
    mark = ' class="ph-chosen"' if is_chosen else ""
    width = 100 * min(max(share, 0.0), 1.0)
    track = f'<span class="ph-track" aria-hidden="true"><span style="width:{width:.1f}%"></span></span>'
    return f'<li{mark}><span class="ph-label">{escape(label)}</span>{track}<span class="ph-number">{escape(shown)}</span></li>'


def _scores(answer: Mapping[str, Any]) -> str:
    chosen = set(answer["labels"]) if "labels" in answer else {answer["label"]}
    # The steps of an ordinal task stand in their own order, other labels by their probability.
    is_ordinal = "value" in answer
    order = list(answer["scores"]) if is_ordinal else sorted(answer["scores"], key=answer["scores"].get, reverse=True)
    lines = [bar(label, answer["scores"][label], f"{answer['scores'][label]:.2f}", label in chosen) for label in order]
    several = "labels" in answer
    remark = ""
    if answer.get("reason"):
        remark = f"<p>No answer: {escape(answer['reason'])}.</p>"
    elif several and not chosen:
        remark = "<p>No label reaches its threshold.</p>"
    elif is_ordinal:
        remark = f"<p>Expected step: {answer['value']:.2f} of 0 to {len(order) - 1}.</p>"
    return remark + _listed(lines, shown=len(lines) if is_ordinal else max(_MOST_BARS, len(chosen)))


def _values(task: Any, values: Mapping[str, float]) -> str:
    if task.kind == "pair_similarity":
        return _listed([bar("cosine", values["value"], f"{values['value']:.3f}", is_chosen=True)])
    means, scales = task.target_mean, task.target_scale
    if not means or not scales:
        return "".join(f'<p class="ph-value">{escape(name)} {value:.3f}</p>' for name, value in values.items())
    lines = []
    for (name, value), mean, scale in zip(values.items(), means, scales, strict=True):
        share = 0.5 + (value - mean) / (2 * _STANDARD_DEVIATIONS * scale)
        lines.append(bar(name, share, f"{value:.2f}", is_chosen=True))
    told = f"A bar's middle is the mean of the training data, its ends are {_STANDARD_DEVIATIONS} standard deviations away."
    return _listed(lines) + f"<p>{told}</p>"


def _listed(lines: Sequence[str], shown: int | None = None) -> str:
    first, more = lines[:shown], lines[len(lines) if shown is None else shown :]
    rest = (
        f'<details><summary>{len(more)} more</summary><ul class="ph-bars">{"".join(more)}</ul></details>'
        if more
        else ""
    )
    return f'<ul class="ph-bars">{"".join(first)}</ul>{rest}'
