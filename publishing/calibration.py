"""Probabilities that mean something: a temperature for each head, thresholds where labels are decided one by one."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from ..configuration.tasks_polyhead import TaskConfig
from ..modeling.decoding_polyhead import label_probabilities
from .abstention import Abstention, Strange, Target, fit_abstention, with_abstention
from .calibration_error import Bins, brier_score, confidences, expected_calibration_error, log_loss, reliability_bins

LARGEST_TEMPERATURE = 20.0  # its inverse is the smallest
FEWEST_ITEMS = 30  # below, a temperature would follow single rows
FEWEST_POSITIVES = 5  # of a label, below which its threshold stays
_FOLDS = 5


@dataclass(frozen=True)
class Calibration:
    """What was fitted for one task, and what it brings.

    Args:
        task: With the new temperature and thresholds.
        items: Number of labelled rows, or words of token tasks.
        ece_before: Expected calibration error without a temperature, in [0, 1].
        ece_after: With the new one, each row judged by a temperature that was fitted on four fifths of the others.
        brier_before: Brier score without a temperature.
        brier_after: With the new one, judged in the same way.
        bins_before: For the reliability diagram, as `reliability_bins` gives them.
        bins_after: The same with the new temperature, judged as `ece_after`.
        abstention: What withholding answers brings, where that was asked for.
    """

    task: TaskConfig
    items: int
    ece_before: float
    ece_after: float
    brier_before: float
    brier_after: float
    bins_before: Bins
    bins_after: Bins
    abstention: Abstention | None = None


def calibrate_task(
    task: TaskConfig,
    logits: np.ndarray,
    labels: np.ndarray,
    target: Target | None = None,
    strange: Strange | None = None,
) -> Calibration:
    """Fit a task's temperature and thresholds to labelled logits.

    What an earlier calibration said about abstaining is dropped: it was fitted to other probabilities.

    Args:
        task: A task that answers with labels.
        logits: Shape (items, num_logits).
        labels: Ids (items,); multi-label: 0 or 1, shape (items, num_labels).
        target: How many answers are to be given or right, for a task that can withhold some; None: none is withheld.
        strange: As in `fit_abstention`.

    Raises:
        ValueError: There are fewer than `FEWEST_ITEMS` items, or as in `fit_abstention`.

    Source:
        Guo et al. 2017, On Calibration of Modern Neural Networks, https://arxiv.org/abs/1706.04599, section 4.2.
    """
    if len(labels) < FEWEST_ITEMS:
        raise ValueError(f"task '{task.name}' has {len(labels)} labelled items; calibration needs {FEWEST_ITEMS}.")
    before = label_probabilities(_at(task, 1.0), logits)
    after = np.empty_like(before)
    for fold in range(_FOLDS):
        held_out = np.arange(len(labels)) % _FOLDS == fold
        fitted = _at(task, fit_temperature(task, logits[~held_out], labels[~held_out]))
        after[held_out] = label_probabilities(fitted, logits[held_out])
    calibrated = _at(task, fit_temperature(task, logits, labels))
    thresholds = fit_thresholds(calibrated, label_probabilities(calibrated, logits), labels)
    decided = dataclasses.replace(calibrated, thresholds=thresholds)
    abstention = None if target is None else fit_abstention(decided, logits, labels, target, strange)
    return Calibration(
        task=with_abstention(decided, abstention),
        items=len(labels),
        ece_before=expected_calibration_error(*confidences(before, labels)),
        ece_after=expected_calibration_error(*confidences(after, labels)),
        brier_before=brier_score(before, labels),
        brier_after=brier_score(after, labels),
        bins_before=reliability_bins(*confidences(before, labels)),
        bins_after=reliability_bins(*confidences(after, labels)),
        abstention=abstention,
    )


def fit_temperature(task: TaskConfig, logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature under which the labels are likeliest; arguments as in `calibrate_task`."""

    def loss(log_temperature: float) -> float:
        return log_loss(label_probabilities(_at(task, float(np.exp(log_temperature))), logits), labels)

    bound = float(np.log(LARGEST_TEMPERATURE))
    found = minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def fit_thresholds(task: TaskConfig, probabilities: np.ndarray, labels: np.ndarray) -> list[float] | None:
    """Return the threshold of each label, or of the positive one, with the best F1.

    A label that stands on fewer than `FEWEST_POSITIVES` rows keeps its threshold.

    Args:
        task: For other kinds than binary and multi-label its own thresholds, None, come back.
        probabilities: As `label_probabilities` gives them.
        labels: As in `calibrate_task`.
    """
    if task.kind == "binary_classification":
        columns = [(probabilities[:, 1], labels)]
    elif task.kind == "multi_label_classification":
        columns = list(zip(probabilities.T, labels.T, strict=True))
    else:
        return task.thresholds
    old = (task.thresholds or [0.5]) * (1 if len(task.thresholds or []) == len(columns) else len(columns))
    return [_best_threshold(*column, otherwise) for column, otherwise in zip(columns, old, strict=True)]


def _best_threshold(probabilities: np.ndarray, labels: np.ndarray, otherwise: float) -> float:
    if labels.sum() < FEWEST_POSITIVES:
        return otherwise
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order].astype(np.float64)
    chosen = np.arange(1, len(order) + 1)  # rows at or above each threshold
    f1 = 2 * labels[order].cumsum() / (chosen + labels.sum())
    f1[:-1][ranked[:-1] == ranked[1:]] = 0  # no threshold lies between equal probabilities
    best = int(f1.argmax())
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return round(float(ranked[best] + below) / 2, 6)


def _at(task: TaskConfig, temperature: float) -> TaskConfig:
    return dataclasses.replace(task, temperature=temperature)
