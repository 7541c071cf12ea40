"""Where the classes of a task lie: means and one shared covariance of its training rows."""

import numpy as np
from sklearn.covariance import ledoit_wolf

from ..modeling.encoding_polyhead import normalized
from ..modeling.scope_polyhead import Scope

FEWEST_TRAINING_ROWS = 30
MOST_TRAINING_ROWS = 20_000  # of one data set; more make the means no better, only the wait longer


def fit_scope(name: str, embeddings: np.ndarray, labels: np.ndarray, num_labels: int) -> Scope:
    """Fit the statistics by which a task tells what is out of scope.

    Args:
        name: Of the task, for the message.
        embeddings: Of training rows, shape (rows, dim).
        labels: Ids, shape (rows,).
        num_labels: Of the task. A class without a row takes the mean of all rows.

    Raises:
        ValueError: There are fewer than `FEWEST_TRAINING_ROWS` rows.

    Source:
        Ledoit and Wolf 2004, https://doi.org/10.1016/S0047-259X(03)00096-4, for the shrinkage: with few rows a covariance
        makes some directions far too narrow.
    """
    if len(labels) < FEWEST_TRAINING_ROWS:
        raise ValueError(
            f"task '{name}' has {len(labels)} training rows in this recipe; what is out of scope is told from "
            f"{FEWEST_TRAINING_ROWS} on."
        )
    vectors = normalized(embeddings.astype(np.float64))  # (rows, dim)
    means = np.tile(vectors.mean(axis=0), (num_labels, 1))  # (num_labels, dim)
    for label in np.unique(labels):
        means[label] = vectors[labels == label].mean(axis=0)
    covariance, _ = ledoit_wolf(vectors - means[labels], assume_centered=True)  # (dim, dim)
    # x @ whitening has the length that x has in units of the covariance; over dim, so that 1 is the usual square.
    whitening = np.linalg.cholesky(np.linalg.inv(covariance * vectors.shape[1]))
    return Scope(whitening.astype(np.float32), (means @ whitening).astype(np.float32))
