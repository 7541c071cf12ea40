"""From logits to plain dicts, in numpy: whatever ran the model, its answers are decoded here."""

from typing import Any

import numpy as np

from ..configuration.tasks_polyhead import TaskConfig
from .batching_polyhead import TokenizedText
from .tag_sequences_polyhead import best_tags
from .texts_polyhead import first_pieces

Answer = dict[str, Any]


def decode(
    task: TaskConfig,
    logits: np.ndarray,
    texts: list[str],
    tokens: list[TokenizedText],
    spans: list[list[tuple[int, int]]],
) -> list[Answer]:
    """Turn one task's logits of a batch (shapes as in `PolyheadOutput.logits`) into one answer per text."""
    if task.kind == "pair_similarity":
        return [{"value": value} for value in logits.tolist()]
    if task.kind == "regression":
        return [_values(task, row) for row in unscale(task, logits).tolist()]
    if task.is_token:
        rows = zip(label_probabilities(task, logits), texts, tokens, spans, strict=True)
        return [{"entities": _entities(task, *row)} for row in rows]
    probabilities = label_probabilities(task, logits)
    if task.kind == "multi_label_classification":
        return [_several_labels(task, row) for row in probabilities.tolist()]
    chosen = chosen_labels(task, probabilities).tolist()
    answers = [_one_label(task, row, label) for row, label in zip(probabilities.tolist(), chosen, strict=True)]
    if task.kind == "ordinal_regression":
        for answer, row in zip(answers, probabilities, strict=True):
            answer["value"] = float(row @ np.arange(len(row), dtype=row.dtype))
    return answers


def label_probabilities(task: TaskConfig, logits: np.ndarray) -> np.ndarray:
    """Return the probability of each label, shape (batch, num_labels); multi-label rows need not sum to 1.

    Token tasks: logits and probabilities of shape (batch, seq, num_labels).
    """
    logits = logits / task.temperature
    if task.kind == "multi_label_classification":
        return _sigmoid(logits)
    if task.kind == "binary_classification":
        positive = _sigmoid(logits).reshape(-1, 1)  # (batch, 1)
        return np.concatenate([1 - positive, positive], axis=-1)
    if task.kind == "ordinal_regression":
        above = _sigmoid(logits).cumprod(axis=-1)  # (batch, steps): CORN's P(label > k), see losses_polyhead.py
        ones, zeros = np.ones_like(above[:, :1]), np.zeros_like(above[:, :1])
        return np.concatenate([ones, above], -1) - np.concatenate([above, zeros], -1)
    return softmax(logits)


def chosen_labels(task: TaskConfig, probabilities: np.ndarray) -> np.ndarray:
    """Return the id of the label that is answered, shape (batch,), for kinds that answer with one label.

    Args:
        task: Binary tasks answer positively from their threshold on, the others with the likeliest label.
        probabilities: As `label_probabilities` gives them.
    """
    if task.kind == "binary_classification":
        return (probabilities[:, 1] >= (task.thresholds or [0.5])[0]).astype(int)
    return probabilities.argmax(axis=1)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Turn logits (..., num_labels) into probabilities that sum to 1."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def unscale(task: TaskConfig, logits: np.ndarray) -> np.ndarray:
    """Turn standardised regression logits (batch, values) into the data's own unit."""
    scale, mean = (
        np.array(numbers, dtype=logits.dtype) for numbers in (task.target_scale or [1], task.target_mean or [0])
    )
    return logits * scale + mean


def tag_spans(
    probabilities: np.ndarray, labels: list[str], tokens: TokenizedText, spans: list[tuple[int, int]]
) -> list[tuple[int, float]]:
    """Return tag id and probability of each span, read at its first word piece; the outside tag where it was cut off.

    Args:
        probabilities: Of the tags, shape (seq, num_labels).
        labels: The tags; the most probable sequence of them is chosen in which every `I-` continues an entity.
        tokens: The text's tokens.
        spans: Words, in ascending order.
    """
    pieces = first_pieces(tokens.offsets, spans)
    read = sorted({piece for piece in pieces if piece >= 0})  # words that share one token share its tag
    ids = dict(zip(read, best_tags(probabilities[read], labels).tolist(), strict=True))
    return [(ids[piece], float(probabilities[piece, ids[piece]])) if piece >= 0 else (-1, 0.0) for piece in pieces]


def _one_label(task: TaskConfig, probabilities: list[float], position: int) -> Answer:
    scores = dict(zip(task.known_labels, probabilities, strict=True))
    return {"label": task.known_labels[position], "score": probabilities[position], "scores": scores}


def _several_labels(task: TaskConfig, probabilities: list[float]) -> Answer:
    thresholds = task.thresholds or [0.5]
    if len(thresholds) == 1:
        thresholds = thresholds * len(probabilities)
    chosen = [label for label, p, t in zip(task.known_labels, probabilities, thresholds, strict=True) if p >= t]
    return {"labels": chosen, "scores": dict(zip(task.known_labels, probabilities, strict=True))}


def _values(task: TaskConfig, values: list[float]) -> Answer:
    return {"values": dict(zip(task.known_labels, values, strict=True))} if task.labels else {"value": values[0]}


def _entities(
    task: TaskConfig, probabilities: np.ndarray, text: str, tokens: TokenizedText, spans: list[tuple[int, int]]
) -> list[Answer]:
    entities: list[Answer] = []
    open_label = None
    pieces = first_pieces(tokens.offsets, spans)
    tags = tag_spans(probabilities, task.known_labels, tokens, spans)
    for (tag_id, score), (start, end), piece, piece_before in zip(tags, spans, pieces, [-1, *pieces], strict=False):
        prefix, _, label = (task.known_labels[tag_id] if tag_id >= 0 else "O").partition("-")
        if not label:
            open_label = None
            continue
        # Words that share one token (`'` and `t` in some vocabularies) share one tag, B- too: one entity, not two.
        if label == open_label and (prefix == "I" or piece == piece_before):
            entities[-1]["end"] = end
            entities[-1]["pieces"].append(score)
        else:
            entities.append({"label": label, "start": start, "end": end, "pieces": [score]})
        open_label = label
    for entity in entities:
        entity["text"] = text[entity["start"] : entity["end"]]
        entity["score"] = float(np.mean(entity.pop("pieces")))
    return entities


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -logits))  # 1 / (1 + exp(-x)) without an overflow
