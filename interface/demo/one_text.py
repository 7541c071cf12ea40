"""The cards for one text, or for two that are compared."""

from html import escape
from typing import Any

import numpy as np

from .answers import answers_of
from .bars import bar, framed, render_card


def answer_text(model: Any, text: str | None, second: str | None = None) -> str:
    """Return one card a task as HTML; what is wrong with the input is told in their place.

    Args:
        model: A `PolyheadModel`, of the package or of a checkpoint's code.
        text: For the tasks that read one text.
        second: Compared with `text`; blank: nothing is.
    """
    text, second = text or "", second or ""
    if not text.strip():
        return problem("There is no text yet. Write one, or choose an example.")
    is_compared = bool(second.strip())
    if not is_compared and model.config.tasks and all(task.is_pair for task in model.config.tasks):
        return problem("This model compares two texts. Write the second one too.")
    try:
        cards = _single_cards(model, text) + (_pair_cards(model, text, second) if is_compared else [])
    except ValueError as error:  # a text in which nothing is visible
        return problem(str(error))
    cut = _told_if_cut(model, [text, second] if is_compared else [text])
    shown = "".join(cards) or problem("This model has no tasks. Write a second text to compare the embeddings.")
    return f'{cut}<div class="ph-cards">{shown}</div>'


def problem(message: str) -> str:
    """Return a message in place of an answer."""
    return f'<p class="ph-problem" role="alert">{escape(message)}</p>'


def _single_cards(model: Any, text: str) -> list[str]:
    tasks = [task for task in model.config.tasks if not task.is_pair]
    answers = answers_of(model, text, [task.name for task in tasks])
    return [render_card(task, answers[task.name], text) for task in tasks]


def _pair_cards(model: Any, text: str, second: str) -> list[str]:
    tasks = [task for task in model.config.tasks if task.is_pair]
    answers = answers_of(model, (text, second), [task.name for task in tasks])
    cards = [render_card(task, answers[task.name], text) for task in tasks]
    if not any(task.kind == "pair_similarity" for task in tasks):
        first, other = np.asarray(model.encode([text, second]), dtype=np.float64)  # (dim,) each
        cosine = float(first @ other / (np.linalg.norm(first) * np.linalg.norm(other)))
        told = '<ul class="ph-bars">' + bar("cosine", cosine, f"{cosine:.3f}", is_chosen=True) + "</ul>"
        cards.append(framed("similarity", "of the two embeddings", told))
    return cards


def _told_if_cut(model: Any, texts: list[str]) -> str:
    if not any(tokenized.is_truncated for tokenized in model.tokenize(texts)):
        return ""
    return problem(
        f"The text is longer than the {model.max_length} tokens that the model reads; the rest was not read."
    )
