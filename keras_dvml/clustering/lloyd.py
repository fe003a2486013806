"""Lloyd's iterations, and where they start."""

import numpy as np

from keras_dvml.clustering.reseeding import reseed_empty


def random_rows(points, num_clusters, seed):
    """Returns K rows chosen at random, distinct as far as there are so many."""
    order = np.random.default_rng(seed).permutation(len(points))
    chosen = {}
    for row in order:
        chosen.setdefault(points[row].tobytes(), row)
        if len(chosen) == num_clusters:
            break
    return points[np.resize(list(chosen.values()), num_clusters)]


def lloyd(points, centroids, nearest, num_iterations, bar):
    """Moves centroids to the means of their members until nothing moves.

    Args:
        points: `Points`.
        centroids: `(K, dim)` float32 array to start from, as placed.
        nearest: Function of points and centroids to `(N,)` ids, as from
            `nearest_by`.
        num_iterations: int >= 1. How often to move them, at most.
        bar: `keras.utils.Progbar`, told the share of embeddings that moved.

    Returns:
        Tuple of `(N,)` int64 assignments, `(K, dim)` float32 centroids as
        placed, and how many times an empty cluster was given members.
    """
    num_clusters, num_reseeded = len(centroids), 0
    previous = np.full(len(points.values), -1)
    for iteration in range(num_iterations + 1):
        # Equal centroids would share members by rounding: the first has all.
        active = _distinct_rows(centroids)
        assignments = active[nearest(points, centroids[active])]
        assignments, num_filled = reseed_empty(
            points.values, assignments, num_clusters
        )
        num_reseeded += num_filled
        moved = np.count_nonzero(assignments != previous)
        if iteration:
            bar.update(
                iteration,
                [("moved", moved / len(previous))],
                finalize=not moved or iteration == num_iterations,
            )
        if not moved or (iteration == num_iterations and not num_filled):
            break
        # Last of all, too, if clusters were given members: they have no other
        # centroid.
        means = points.means(assignments, num_clusters)
        filled = np.bincount(assignments, minlength=num_clusters) > 0
        centroids = np.where(filled[:, None], means, centroids)
        previous = assignments
    return assignments, centroids, num_reseeded


def _distinct_rows(rows):
    """Returns the ascending numbers of rows that equal none before them."""
    first = {}
    for number, row in enumerate(rows):
        first.setdefault(row.tobytes(), number)
    return np.fromiter(first.values(), np.int64)
