"""Members for clusters that have none."""

import numpy as np


def reseed_empty(
    points: np.ndarray, assignments: np.ndarray, num_clusters: int
) -> tuple[np.ndarray, int]:
    """Gives each empty cluster about half of the largest one.

    The largest cluster is cut by the plane through its mean, across the
    direction of its farthest member; the part with that member moves to the
    empty cluster of lowest id, and so on with what is then the largest. A
    cut never raises the inertia, so k-means still converges, and both parts
    are more than an outlier by itself. A cluster of equal embeddings cannot
    be cut: then the next largest is, and where none can, clusters stay empty.

    Args:
        points: `(N, dim)` float32 array.
        assignments: `(N,)` int64 array; not changed.
        num_clusters: K.

    Returns:
        Tuple of `(N,)` int64 assignments and the number of clusters that
        were given members.
    """
    sizes = np.bincount(assignments, minlength=num_clusters)
    empty = np.flatnonzero(sizes == 0)
    if not len(empty):
        return assignments, 0
    order = np.argsort(assignments, kind="stable")
    members = dict(enumerate(np.split(order, np.cumsum(sizes)[:-1])))
    assignments = assignments.copy()
    for num_filled, cluster in enumerate(empty.tolist()):
        while sizes.max() > 1:
            largest = int(sizes.argmax())
            moves = _far_half(points[members[largest]])
            if moves.any() and not moves.all():
                break
            sizes[largest] = 0  # It cannot be cut.
        else:
            return assignments, num_filled
        members[cluster] = members[largest][moves]
        members[largest] = members[largest][~moves]
        assignments[members[cluster]] = cluster
        sizes[cluster] = len(members[cluster])
        sizes[largest] = len(members[largest])
    return assignments, len(empty)


def _far_half(members):
    centred = members - members.mean(axis=0)
    farthest = np.square(centred).sum(axis=1).argmax()
    return centred @ centred[farthest] > 0
