"""Metrics of pairs that belong together: is the second text of a row the nearest among all second texts?"""

from typing import Any

import numpy as np
import torch
from datasets import Value

from ...modeling.pair_losses_polyhead import EmbeddedPairs
from .in_memory_metric import InMemoryMetric

_ROWS_AT_A_TIME = 1024  # a table of all cosines of 50000 pairs would take 10 GB


class RetrievalMetrics(InMemoryMetric):
    """Mean reciprocal rank, and recall at 1: the share of rows whose second text comes first.

    A prediction is the rank, from 1, at which a row's own second text was found; the reference is the rank wanted, 1.
    Both values fall as a split grows: compare them on the same rows only.
    """

    prediction = Value("float64")
    reference = Value("float64")

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        ranks = np.asarray(predictions, float)
        return {"mrr": float((1 / ranks).mean()), "recall_at_1": float((ranks == np.asarray(references)).mean())}


def retrieval_ranks(pairs: EmbeddedPairs) -> np.ndarray:
    """Rank, from 1, of each row's own second text among all second texts, by cosine with the first text.

    Duplicates are passed over, as in the loss. A tie counts against the row: a model that gives every text the same
    embedding has found nothing.

    Args:
        pairs: All rows of the split, n.

    Returns:
        Shape (n,).
    """
    ranks = []
    for start in range(0, len(pairs), _ROWS_AT_A_TIME):
        some = pairs[start : start + _ROWS_AT_A_TIME]
        cosines = some.cosines_with(pairs)  # (some, n)
        own = cosines.diagonal(start)[:, None]  # (some, 1)
        ranks.append(1 + (some.rivals(pairs) & (cosines >= own)).sum(-1))
    return torch.cat(ranks).numpy()
