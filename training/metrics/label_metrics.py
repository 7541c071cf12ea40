"""Metrics of tasks that answer with labels: one, several, or one on a scale."""

from typing import Any

import numpy as np
from datasets import List, Value
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    f1_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
)

from .in_memory_metric import InMemoryMetric
from .number_metrics import spearman


class ClassificationMetrics(InMemoryMetric):
    """Accuracy, macro and micro F1 and Matthews correlation of label ids.

    Macro F1 is the mean over the labels that occur in predictions or references. `mcc` is 0.0, chance level, where it
    is undefined because only one label occurs at all.
    """

    prediction = Value("int64")
    reference = Value("int64")

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        one_label = len(np.union1d(predictions, references)) == 1
        return {
            "accuracy": float(accuracy_score(references, predictions)),
            "f1_macro": float(f1_score(references, predictions, average="macro", zero_division=0)),
            "f1_micro": float(f1_score(references, predictions, average="micro", zero_division=0)),
            "mcc": 0.0 if one_label else float(matthews_corrcoef(references, predictions)),
        }


class BinaryMetrics(ClassificationMetrics):
    """The metrics of classification, and F1, precision and recall of the positive label (id 1).

    Each of the three is 0.0 where it would divide by zero: no positive was predicted, or there is none.
    """

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        scores = {"f1": f1_score, "precision": precision_score, "recall": recall_score}
        positive = {name: float(score(references, predictions, zero_division=0)) for name, score in scores.items()}
        return super()._compute(predictions, references) | positive


class MultiLabelMetrics(InMemoryMetric):
    """Macro and micro F1 of 0/1 rows, one column per label, and accuracy: the share of rows right in every label.

    Macro F1 is the mean over all labels; a label that is neither predicted nor true anywhere counts 0.0, as in
    scikit-learn.
    """

    prediction = List(Value("int64"))
    reference = List(Value("int64"))

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        predicted, true = np.asarray(predictions), np.asarray(references)  # (rows, labels)
        # Column by column: scikit-learn reads a single column as two classes, and would average over both.
        per_label = [f1_score(t, p, zero_division=0) for t, p in zip(true.T, predicted.T, strict=True)]
        return {
            "f1_macro": float(np.mean(per_label)),
            "f1_micro": float(f1_score(true.ravel(), predicted.ravel(), zero_division=0)),
            "accuracy": float((predicted == true).all(axis=1).mean()),
        }


class OrdinalMetrics(InMemoryMetric):
    """Metrics of label ids that are ranks.

    `accuracy` and `f1_macro` ignore the order; `qwk` is Cohen's kappa with quadratic weights; `ordinal_mae` is the mean
    distance in label steps; `spearman` the rank correlation. `qwk` is 0.0, chance level, where it is undefined because
    only one label occurs at all.
    """

    prediction = Value("int64")
    reference = Value("int64")

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        predicted, true = np.asarray(predictions), np.asarray(references)
        one_label = len(np.union1d(predicted, true)) == 1
        # All ranks, also absent ones: without them scikit-learn would move the neighbours of a gap together.
        ranks = np.arange(max(predicted.max(), true.max()) + 1)
        return {
            "accuracy": float(accuracy_score(true, predicted)),
            "f1_macro": float(f1_score(true, predicted, average="macro", zero_division=0)),
            "qwk": 0.0 if one_label else float(cohen_kappa_score(true, predicted, weights="quadratic", labels=ranks)),
            "ordinal_mae": float(np.abs(predicted - true).mean()),
            "spearman": spearman(predicted, true),
        }
