"""Entities marked in their text, with a legend."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

NUM_COLORS = 8  # of `ph-color-N` in page.css; labels beyond share them, and each mark bears its label


def mark_entities(text: str, entities: Sequence[Mapping[str, Any]]) -> str:
    """Return the text with its entities as marked spans, and what the colours mean.

    Args:
        text: As it was given.
        entities: `label`, `start`, `end`, `score`; in ascending order, not overlapping, as a token task gives them.
    """
    if not entities:
        return f'<p class="ph-text">{escape(text)}</p><p>No entity found.</p>'
    colors = {
        label: number % NUM_COLORS for number, label in enumerate(sorted({entity["label"] for entity in entities}))
    }
    parts, position = [], 0
    for entity in entities:
        inside = escape(text[entity["start"] : entity["end"]])
        sure = f"{entity['label']}, {entity['score']:.2f}"
        # The label stands in the mark too: a colour alone says nothing to a reader who cannot tell it.
        label = f"<small>{escape(entity['label'])}</small>"
        parts.append(escape(text[position : entity["start"]]))
        parts.append(f'<mark class="ph-color-{colors[entity["label"]]}" title="{escape(sure)}">{inside}{label}</mark>')
        position = entity["end"]
    parts.append(escape(text[position:]))
    return f'<p class="ph-text">{"".join(parts)}</p>{_legend(entities, colors)}'


def _legend(entities: Sequence[Mapping[str, Any]], colors: Mapping[str, int]) -> str:
    counts = {label: sum(entity["label"] == label for entity in entities) for label in colors}
    items = (
        f'<li><span class="ph-swatch ph-color-{colors[label]}"></span>{escape(label)} ({count})</li>'
        for label, count in counts.items()
    )
    return f'<ul class="ph-legend" aria-label="entities">{"".join(items)}</ul>'
