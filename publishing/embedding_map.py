"""Embeddings as points on a plane: what is close in the one should be close in the other."""

from typing import Any

import numpy as np

METHODS = ("tsne", "pca")
FEWEST = 3  # texts of which a map says anything
_PERPLEXITY = 30  # neighbours that t-SNE listens to, scikit-learn's default
_FIRST_REDUCED_TO = 50  # dimensions, as van der Maaten and Hinton do: less noise, faster neighbours


def project(embeddings: np.ndarray, method: str = "tsne") -> np.ndarray:
    """Return a point for each embedding, shape (texts, 2), within 0 and 1 with the same scale on both axes.

    The same embeddings give the same points: t-SNE starts from the principal components and sums in one thread.

    Args:
        embeddings: Shape (texts, dim), finite.
        method: `tsne` keeps neighbours together, but neither distances nor sizes of groups; `pca` is linear, and
            shows the two directions of greatest variance.

    Raises:
        ValueError: Fewer than three texts.

    Source:
        Visualizing Data using t-SNE, https://www.jmlr.org/papers/v9/vandermaaten08a.html.
    """
    if len(embeddings) < FEWEST:
        raise ValueError(f"{len(embeddings)} texts came; a map needs at least {FEWEST}. Give more.")
    centered = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    if not np.ptp(centered, axis=0).max() > 1e-9:
        return np.full((len(embeddings), 2), 0.5)  # one text again and again: there is nothing to spread out
    points = _pca(centered, 2) if method == "pca" else _tsne(centered)
    points = points - points.min(axis=0)
    return np.asarray(0.5 + (points - points.max(axis=0) / 2) / points.max())


def _pca(centered: np.ndarray, num_components: int) -> Any:
    from sklearn.decomposition import PCA

    num_components = min(num_components, *centered.shape)
    reduced = PCA(num_components, svd_solver="full").fit_transform(centered)  # (texts, num_components)
    return reduced if num_components >= 2 else np.pad(reduced, ((0, 0), (0, 2 - num_components)))


def _tsne(centered: np.ndarray) -> Any:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    reduced = _pca(centered, _FIRST_REDUCED_TO)
    perplexity = min(_PERPLEXITY, (len(reduced) - 1) / 3)
    with threadpool_limits(1):  # sums over threads come in another order each time
        return TSNE(2, init="pca", perplexity=perplexity, random_state=0).fit_transform(reduced)  # (texts, 2)
