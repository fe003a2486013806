"""Lloyd's iterations, and where they start."""

from collections.abc import Callable

import keras
import numpy as np

from keras_dvml.clustering.points import Points
from keras_dvml.clustering.reseeding import reseed_empty


def random_rows(rows: np.ndarray, num_rows: int, seed: int) -> np.ndarray:
    """Chooses rows at random, distinct as far as there are so many."""
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows[np.resize(_distinct(rows, order, num_rows), num_rows)]


def lloyd(
    points: Points,
    centroids: np.ndarray,
    assign: Callable[[Points, np.ndarray], np.ndarray],
    num_iterations: int,
    bar: keras.utils.Progbar,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Moves centroids to the means of their members until nothing moves.

    Args:
        points: What is clustered.
        centroids: `(K, dim)` float32 array to start from, as prepared; NaN for
            a cluster without.
        assign: Function of points and centroids to `(N,)` ids, as from
            `assigner_for`.
        num_iterations: >= 1. How often to move them, at most.
        bar: Progress bar, which shows the share of embeddings that moved.

    Returns:
        Tuple of `(N,)` int64 assignments, `(K, dim)` float32 centroids as
        prepared, and how many times an empty cluster was given members.
    """
    num_clusters, num_reseeded = len(centroids), 0
    assignments = np.full(len(points.values), -1)
    for iteration in range(num_iterations + 1):
        previous = assignments
        # Equal centroids would share members by rounding: the first has all.
        present = np.flatnonzero(~np.isnan(centroids[:, 0]))
        active = _distinct(centroids, present, num_clusters)
        assignments = active[assign(points, centroids[active])]
        assignments, num_filled = reseed_empty(
            points.values, assignments, num_clusters
        )
        num_reseeded += num_filled
        num_moved = np.count_nonzero(assignments != previous)
        is_last = iteration == num_iterations
        if iteration:
            bar.update(
                iteration,
                [("moved", num_moved / len(previous))],
                finalize=not num_moved or is_last,
            )
        if not num_moved or (is_last and not num_filled):
            break
        # Last of all, too, if clusters were given members: they have no other
        # centroid.
        means = points.means(assignments, num_clusters)
        filled = np.bincount(assignments, minlength=num_clusters) > 0
        centroids = np.where(filled[:, None], means, centroids)
    return assignments, centroids, num_reseeded


def _distinct(rows, numbers, most):
    """Returns up to `most` of the numbers whose rows equal none before them."""
    first = {}
    for number in numbers:
        first.setdefault(rows[number].tobytes(), number)
        if len(first) == most:
            break
    return np.fromiter(first.values(), np.int64)
