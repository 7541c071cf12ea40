"""Exact-match entity F1 over BIO tags."""

from collections.abc import Sequence
from typing import Any

from datasets import List, Value

from .in_memory_metric import InMemoryMetric

Entity = tuple[str, int, int]


def entities_of(tags: Sequence[str]) -> set[Entity]:
    """Read the entities of one row of BIO tags as (type, first word, last word).

    Lenient, as conlleval and seqeval's default: an `I-` that continues nothing of its type opens an entity.

    Source:
        CoNLL-2000 conlleval, https://www.clips.uantwerpen.be/conll2000/chunking/output.html.

    Example:
        >>> sorted(entities_of(["I-PER", "I-PER", "O", "B-LOC", "B-LOC"]))
        [('LOC', 3, 3), ('LOC', 4, 4), ('PER', 0, 1)]
    """
    entities: set[Entity] = set()
    open_type, first = None, 0
    for position, tag in enumerate([*tags, "O"]):
        prefix, _, entity_type = tag.partition("-")
        if prefix == "I" and entity_type == open_type:
            continue
        if open_type is not None:
            entities.add((open_type, first, position - 1))
        open_type, first = (None if prefix == "O" else entity_type), position
    return entities


class EntityMetrics(InMemoryMetric):
    """Precision, recall and F1 of entities (micro, over all rows), and accuracy per word.

    An entity is right when its type, first and last word are. Each is 0.0 where it would divide by zero: nothing was
    predicted, or there is nothing to find.
    """

    prediction = List(Value("string"))
    reference = List(Value("string"))

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        num_predicted = num_true = num_right = num_right_words = num_words = 0
        for predicted_tags, true_tags in zip(predictions, references, strict=True):
            predicted, true = entities_of(predicted_tags), entities_of(true_tags)
            num_predicted, num_true = num_predicted + len(predicted), num_true + len(true)
            num_right += len(predicted & true)
            num_right_words += sum(p == t for p, t in zip(predicted_tags, true_tags, strict=True))
            num_words += len(true_tags)
        return {
            "f1": 2 * num_right / max(num_predicted + num_true, 1),
            "precision": num_right / max(num_predicted, 1),
            "recall": num_right / max(num_true, 1),
            "accuracy": num_right_words / max(num_words, 1),
        }
