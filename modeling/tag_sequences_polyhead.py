"""Sequences of BIO tags in which every `I-` continues an entity of its own kind."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

_FORBIDDEN = -np.inf
_SMALLEST = float(np.finfo(np.float32).tiny)


def open_entities(tags: Sequence[str]) -> list[str]:
    """Return the same entities with a `B-` at the start of each: an `I-` that continues nothing of its kind becomes one.

    Some data sets write `B-` only between two neighbours of one kind (IOB1), some have slips.

    Example:
        >>> open_entities(["I-PER", "I-PER", "O", "I-LOC", "I-PER"])
        ['B-PER', 'I-PER', 'O', 'B-LOC', 'B-PER']
    """
    opened: list[str] = []
    kind_before = ""
    for tag in tags:
        prefix, _, kind = tag.partition("-")
        opened.append(f"B-{kind}" if prefix == "I" and kind != kind_before else tag)
        kind_before = kind
    return opened


def best_tags(probabilities: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Choose the most probable sequence of tags in which every `I-` continues an entity of its kind.

    Where the best tag of each word makes such a sequence, this is it. A kind that has no `B-` among the labels may begin
    with `I-`.

    Args:
        probabilities: Of the tags of each word, shape (words, num_labels).
        labels: The tags.

    Returns:
        Position of each word's tag in `labels`, shape (words,).

    Source:
        Viterbi, https://doi.org/10.1109/TIT.1967.1054010; for tags as in He et al. 2017,
        https://aclanthology.org/P17-1044, section 2.2.
    """
    best = probabilities.argmax(-1)  # (words,)
    start, steps = _allowed(tuple(labels))
    if not len(best) or (start[best[0]] == 0 and not steps[best[:-1], best[1:]].any()):
        return best
    logs = np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST))  # else one certain word would rule out all
    total = start + logs[0]  # (num_labels,): of the best sequence that ends in each tag
    origins = []
    for word in logs[1:]:
        candidates = total[:, None] + steps  # (from, to)
        origins.append(candidates.argmax(0))
        total = candidates.max(0) + word
    chosen = [int(total.argmax())]
    for origin in reversed(origins):
        chosen.append(int(origin[chosen[-1]]))
    return np.array(chosen[::-1])


@lru_cache(maxsize=32)
def _allowed(labels: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return what a tag costs at the start (num_labels,) and after another (from, to): 0, or minus infinity."""
    kinds = [label.partition("-")[2] for label in labels]
    continues = [label.startswith("I-") and f"B-{kind}" in labels for label, kind in zip(labels, kinds, strict=True)]
    start = np.where(continues, _FORBIDDEN, 0.0)
    same_kind = np.array(kinds)[:, None] == np.array(kinds)
    return start, np.where(np.array(continues) & ~same_kind, _FORBIDDEN, 0.0)
