"""Members for clusters that have none."""

import numpy as np


def reseed_empty(points, assignments, num_clusters):
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
        num_clusters: int. K.

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
    # Copied, and a cluster that cannot be cut is struck out by size 0.
    sizes, assignments = sizes.copy(), assignments.copy()
    for filled, cluster in enumerate(empty):
        while sizes.max() > 1:
            largest = int(sizes.argmax())
            moves = _far_half(points[members[largest]])
            if moves.any() and not moves.all():
                break
            sizes[largest] = 0
        else:
            return assignments, filled
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
