"""Metrics of tasks that answer with numbers: correlations and mean absolute error."""

from typing import Any

import numpy as np
import scipy.stats
from datasets import List, Value

from .in_memory_metric import InMemoryMetric


def pearson(predictions: np.ndarray, references: np.ndarray) -> float:
    """Linear correlation of two vectors, in [-1, 1].

    A constant side, or fewer than two rows, gives 0.0: the correlation is undefined there, and a model that answers the
    same to every text has found no relation. NaN would poison every mean, and never compares as worse than a good
    checkpoint.
    """
    if _is_constant(predictions) or _is_constant(references):
        return 0.0
    return float(scipy.stats.pearsonr(predictions, references).statistic)


def spearman(predictions: np.ndarray, references: np.ndarray) -> float:
    """Rank correlation of two vectors, in [-1, 1]; ties share their mean rank. 0.0 as for `pearson`."""
    if _is_constant(predictions) or _is_constant(references):
        return 0.0
    return float(scipy.stats.spearmanr(predictions, references).statistic)


def _is_constant(values: np.ndarray) -> bool:
    # Not equality: a spread below float64's resolution is rounding noise, for which scipy warns.
    return bool(np.ptp(values) <= 1e-12 * np.abs(values).max())


class RegressionMetrics(InMemoryMetric):
    """Pearson, Spearman and mean absolute error of rows of values, each the mean over the values.

    A reference that is NaN is missing: its row does not count for that value, and a value without any reference does
    not count for the mean. `mae` is in the unit of the data.
    """

    prediction = List(Value("float64"))
    reference = List(Value("float64"))

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        predicted, true = np.asarray(predictions, float), np.asarray(references, float)  # (rows, values)
        labelled = [
            (p[~np.isnan(t)], t[~np.isnan(t)])
            for p, t in zip(predicted.T, true.T, strict=True)
            if not np.isnan(t).all()
        ]
        return {
            "pearson": float(np.mean([pearson(p, t) for p, t in labelled])),
            "spearman": float(np.mean([spearman(p, t) for p, t in labelled])),
            "mae": float(np.mean([np.abs(p - t).mean() for p, t in labelled])),
        }


class SimilarityMetrics(InMemoryMetric):
    """Spearman and Pearson of cosines against similarity labels, whatever the labels' range."""

    prediction = Value("float64")
    reference = Value("float64")

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        predicted, true = np.asarray(predictions, float), np.asarray(references, float)
        return {"spearman": spearman(predicted, true), "pearson": pearson(predicted, true)}
