"""How far probabilities are from what happens: calibration error, Brier score, log loss.

Everywhere `probabilities` are those of `label_probabilities`, and `labels` ids (items,), or 0 and 1 of shape
(items, num_labels) where every label is decided on its own.
"""

import numpy as np

NUM_BINS = 15
_SMALLEST = 1e-12
Bins = tuple[np.ndarray, np.ndarray, np.ndarray]


def confidences(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how sure each answer was, and whether it was right (1) or not (0), both of shape (decisions,).

    The answer of one label is the likeliest one; of several labels, each label's "yes" is a decision of its own.
    """
    if labels.ndim == 2:
        return probabilities.ravel(), labels.ravel().astype(float)
    return probabilities.max(axis=1), (probabilities.argmax(axis=1) == labels).astype(float)


def reliability_bins(confidence: np.ndarray, outcome: np.ndarray) -> Bins:
    """Return mean confidence, share that was right, and number of decisions of each bin that has some.

    Args:
        confidence: In [0, 1], shape (decisions,).
        outcome: 0 or 1, shape (decisions,).
    """
    bins = np.minimum((confidence * NUM_BINS).astype(int), NUM_BINS - 1)
    counts = np.bincount(bins, minlength=NUM_BINS)
    used = counts > 0
    means = [
        np.bincount(bins, weights=values, minlength=NUM_BINS)[used] / counts[used] for values in (confidence, outcome)
    ]
    return means[0], means[1], counts[used]


def expected_calibration_error(confidence: np.ndarray, outcome: np.ndarray) -> float:
    """Return the mean distance between confidence and share that was right, over 15 bins of equal width, in [0, 1].

    Source:
        Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 2.
    """
    sure, right, counts = reliability_bins(confidence, outcome)
    return float((np.abs(sure - right) * counts).sum() / counts.sum())


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean squared distance to the truth: summed over classes (0 to 2), averaged over labels (0 to 1).

    Source:
        Brier 1950, https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """
    if labels.ndim == 2:
        return float(((probabilities - labels) ** 2).mean())
    truth = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of -log(probability of what is true)."""
    if labels.ndim == 2:
        told = np.where(labels == 1, probabilities, 1 - probabilities)
    else:
        told = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(told.astype(np.float64), _SMALLEST)).mean())
