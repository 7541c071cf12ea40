"""Embeddings as points: neighbours stay together, every run gives the same, odd input gives a map or a message."""

import numpy as np
import pytest

from polyhead.publishing.embedding_map import METHODS, project


@pytest.fixture
def clusters():
    """Three groups of 20 embeddings, far from each other; shape (60, 16)."""
    generator = np.random.default_rng(0)
    centers = 10 * np.eye(3, 16)
    return np.repeat(centers, 20, axis=0).astype(np.float32) + generator.normal(size=(60, 16)).astype(np.float32) * 0.1


@pytest.mark.parametrize("method", METHODS)
def test_groups_of_embeddings_are_groups_of_points(method, clusters):
    points = project(clusters, method)
    groups = points.reshape(3, 20, 2)
    widest = max(np.linalg.norm(group - group.mean(0), axis=1).max() for group in groups)
    closest = min(np.linalg.norm(groups[a].mean(0) - groups[b].mean(0)) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert closest > 2 * widest


@pytest.mark.parametrize("method", METHODS)
def test_points_fill_a_square_from_0_to_1_in_one_scale(method, clusters):
    points = project(clusters, method)
    assert points.shape == (60, 2)
    assert points.min() == pytest.approx(0)
    assert points.max() == pytest.approx(1)
    assert (points.max(axis=0) + points.min(axis=0)).tolist() == pytest.approx([1, 1])  # in the middle


def test_pca_keeps_the_shape_of_flat_embeddings():
    # A rectangle of 2 x 1 in the plane of the third and the fifth dimension.
    embeddings = np.zeros((4, 6), dtype=np.float32)
    embeddings[:, 2] = [0, 2, 0, 2]
    embeddings[:, 4] = [0, 0, 1, 1]
    points = project(embeddings, "pca")
    assert np.ptp(points, axis=0).tolist() == pytest.approx([1, 0.5])


def test_tsne_gives_the_same_points_again(clusters):
    assert np.array_equal(project(clusters), project(clusters))


@pytest.mark.parametrize("method", METHODS)
def test_three_texts_are_enough_and_two_are_not(method):
    assert np.isfinite(project(np.eye(3, 8, dtype=np.float32), method)).all()
    with pytest.raises(ValueError, match="2 texts came; a map needs at least 3"):
        project(np.eye(2, 8, dtype=np.float32), method)


@pytest.mark.parametrize("method", METHODS)
def test_one_text_again_and_again_is_one_point_in_the_middle(method):
    assert project(np.full((5, 8), 0.25, dtype=np.float32), method).tolist() == [[0.5, 0.5]] * 5


@pytest.mark.parametrize("method", METHODS)
def test_embeddings_of_one_dimension_have_a_map(method):
    assert np.isfinite(project(np.array([[0.0], [1.0], [3.0], [4.0]], dtype=np.float32), method)).all()


@pytest.mark.parametrize("method", METHODS)
def test_two_texts_many_times_each_are_two_points_or_groups(method):
    points = project(np.repeat(np.eye(2, 8, dtype=np.float32), 20, axis=0), method)
    assert np.isfinite(points).all()
    assert np.linalg.norm(points[:20].mean(0) - points[20:].mean(0)) > 0.3
