"""From a task's raw outputs and references to its metrics."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from ...configuration.tasks_polyhead import TaskConfig
from .entity_metrics import EntityMetrics
from .in_memory_metric import InMemoryMetric
from .label_metrics import BinaryMetrics, ClassificationMetrics, MultiLabelMetrics, OrdinalMetrics
from .number_metrics import RegressionMetrics, SimilarityMetrics
from .retrieval_metrics import RetrievalMetrics

Rows = np.ndarray | Sequence[Any]

METRIC_CLASSES: dict[str, type[InMemoryMetric]] = {
    "single_label_classification": ClassificationMetrics,
    "binary_classification": BinaryMetrics,
    "multi_label_classification": MultiLabelMetrics,
    "regression": RegressionMetrics,
    "ordinal_regression": OrdinalMetrics,
    "token_classification": EntityMetrics,
    "pair_similarity": SimilarityMetrics,
    "pair_classification": ClassificationMetrics,
}
_WIDE_KINDS = ("multi_label_classification", "regression")  # references have a column per label or value


def compute_task_metrics(task: TaskConfig, predictions: Rows, references: Rows) -> dict[str, float]:
    """Compute every metric of a task (`metric_names(task)`); decisions are those of `predict`.

    Args:
        task: The task, with its labels and thresholds.
        predictions: Of n rows. Single label, multi-label and pair classification: logits (n, num_labels). Binary:
            logits (n,) or (n, 1). Ordinal: label probabilities (n, num_labels). Regression: numbers in the unit of the
            data, (n, values) or, for one value, (n,). Pair similarity: cosines (n,), or ranks from 1 for
            `multiple_negatives_ranking`. Token: n lists of tags.
        references: Of the same rows. Ids (n,). Multi-label: 0/1 (n, num_labels). Regression: (n, values) or (n,), NaN
            where one of several values is missing. Pair similarity: labels (n,), or ones. Token: n lists of tags.

    Returns:
        Metric values by name.

    Raises:
        ValueError: There are no rows, lengths or shapes differ, a prediction is not finite, or a reference is outside
            the task's labels. The message names the task.
    """
    if len(predictions) != len(references):
        _refuse(task, f"{len(predictions)} predictions came with {len(references)} references", "pass one per row")
    if len(references) == 0:
        _refuse(task, "no labelled row to score", "label some rows of this split, or do not evaluate the task on it")
    if task.is_token:
        _check_tags(task, predictions, references)
        return EntityMetrics().compute(predictions=predictions, references=references)
    decided = decide(task, _checked_predictions(task, predictions))
    is_retrieval = task.loss == "multiple_negatives_ranking"
    metric = RetrievalMetrics() if is_retrieval else METRIC_CLASSES[task.kind]()
    return metric.compute(predictions=decided, references=_checked_references(task, references))


def decide(task: TaskConfig, outputs: np.ndarray) -> np.ndarray:
    """Turn outputs (n, width) into what is compared with references: ids (n,), 0/1 (n, num_labels) or numbers."""
    if task.kind == "pair_similarity":
        return outputs[:, 0]
    if task.kind == "regression":
        return outputs
    if task.kind in ("binary_classification", "multi_label_classification"):
        chosen = (expit(outputs) >= np.asarray(task.thresholds or [0.5])).astype(int)  # (n, labels)
        return chosen[:, 0] if task.kind == "binary_classification" else chosen
    return outputs.argmax(axis=1)


def _checked_predictions(task: TaskConfig, predictions: Rows) -> np.ndarray:
    """Return the outputs as float64, shape (n, width)."""
    outputs = np.asarray(predictions, dtype=float)
    outputs = outputs[:, None] if outputs.ndim == 1 else outputs
    width = 1 if task.kind == "binary_classification" else task.num_labels
    if outputs.shape != (len(predictions), width):
        _refuse(task, f"predictions have shape {outputs.shape}", f"{task.kind} needs (rows, {width})")
    if not np.isfinite(outputs).all():
        row = int(np.argmin(np.isfinite(outputs).all(axis=1)))
        _refuse(
            task,
            f"prediction {outputs[row].tolist()} in row {row} is not finite",
            "look for the step where the loss broke",
        )
    return outputs


def _checked_references(task: TaskConfig, references: Rows) -> np.ndarray:
    """Return the references as floats or ids: (n, width) for regression and multi-label, else (n,)."""
    values = np.asarray(references, dtype=float)
    if task.kind in _WIDE_KINDS:
        values = values[:, None] if values.ndim == 1 else values
    shape = (len(references), task.num_labels) if task.kind in _WIDE_KINDS else (len(references),)
    if values.shape != shape:
        _refuse(task, f"references have shape {values.shape}", f"{task.kind} needs {shape}")
    if task.kind in ("regression", "pair_similarity"):
        missing = np.isnan(values).reshape(len(values), -1).all(axis=1)  # a row may lack some of its values
        if np.isinf(values).any() or missing.any():
            _refuse(task, "a reference is infinite or a row has none", "remove rows without a label before scoring")
        return values
    highest = 1 if task.kind == "multi_label_classification" else task.num_labels - 1
    allowed = np.isin(values, np.arange(highest + 1))
    if not allowed.all():
        _refuse(
            task, f"reference {values[~allowed][0]:g} is no label id from 0 to {highest}", "remove rows without a label"
        )
    return values.astype(int)


def _check_tags(task: TaskConfig, predictions: Rows, references: Rows) -> None:
    for row, (predicted, true) in enumerate(zip(predictions, references, strict=True)):
        if len(predicted) != len(true):
            _refuse(
                task, f"row {row} has {len(predicted)} predicted tags for {len(true)} words", "give each word one tag"
            )


def _refuse(task: TaskConfig, problem: str, remedy: str) -> None:
    raise ValueError(f"task '{task.name}': {problem}; {remedy}.")
