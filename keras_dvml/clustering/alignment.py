"""Cluster ids that keep their meaning from one clustering to the next."""

import numpy as np
from numpy.typing import ArrayLike


def align_clusters(
    assignments: ArrayLike, previous_assignments: ArrayLike
) -> np.ndarray:
    """Renames clusters so as to agree with an earlier clustering.

    Ids are exchanged one for one, such that as many embeddings as possible
    keep the id they had (the assignment problem on the table of overlaps, of
    which only entries other than 0 are held). Of equally good namings the one
    that renames fewest clusters is taken; clusters that overlap with nothing
    get ids that are free.

    Args:
        assignments: `(N,)` int array of cluster ids; negative ids are noise
            and stay.
        previous_assignments: `(N,)` int array. The earlier ids of the same
            embeddings.

    Returns:
        `(N,)` int64 array. Equal to `previous_assignments` where the two
        differ in names alone.

    Raises:
        ValueError: If one of them is no array of ints, or they differ in
            length.

    Example:
        >>> import keras_dvml as kd
        >>> kd.clustering.align_clusters([1, 1, 0, 0], [0, 0, 1, 0]).tolist()
        [0, 0, 1, 1]

    Reference:
        [Crouse, 2016](https://doi.org/10.1109/TAES.2016.140952)
    """
    assignments = _checked_ids(assignments, "assignments")
    num_clusters = assignments.max(initial=-1) + 1
    ids = aligned_ids(assignments, previous_assignments, num_clusters)
    return np.append(ids, -1)[np.maximum(assignments, -1)]


def aligned_ids(
    assignments: ArrayLike, previous_assignments: ArrayLike, num_clusters: int
) -> np.ndarray:
    """Returns the `(num_clusters,)` new ids of the clusters."""
    from scipy import sparse

    assignments = _checked_ids(assignments, "assignments")
    previous = _checked_ids(previous_assignments, "previous_assignments")
    if len(assignments) != len(previous):
        raise ValueError(
            f"previous_assignments must be {len(assignments)}, as many as "
            f"assignments; received {len(previous)}"
        )
    num_ids = max(num_clusters, previous.max(initial=-1) + 1)
    both = (assignments >= 0) & (previous >= 0)
    pairs, overlaps = np.unique(
        assignments[both] * num_ids + previous[both], return_counts=True
    )
    clusters, old_ids = np.divmod(pairs, num_ids)
    # What breaks ties stays below one embedding, summed over all clusters.
    gains = overlaps + (clusters == old_ids) / (num_clusters + 1)
    # Every cluster may go without an old id, by a column of its own. Each is
    # matched exactly once, so a constant added to all costs changes nothing;
    # it keeps them above 0, which would mean no edge.
    own = np.arange(num_clusters)
    no_gain = len(assignments) + 2
    costs = sparse.csr_matrix(
        (
            np.append(no_gain - gains, np.full(num_clusters, no_gain)),
            (np.append(clusters, own), np.append(old_ids, num_ids + own)),
        ),
        shape=(num_clusters, num_ids + num_clusters),
    )
    ids = sparse.csgraph.min_weight_full_bipartite_matching(costs)[1]
    # Clusters without an old id keep their own where it is free, or get the
    # next that is.
    is_free = ~np.isin(np.arange(num_ids), ids)
    ids = np.where((ids >= num_ids) & is_free[:num_clusters], own, ids)
    is_free[ids[ids < num_ids]] = False
    missing = np.flatnonzero(ids >= num_ids)
    ids[missing] = np.flatnonzero(is_free)[: len(missing)]
    return ids.astype(np.int64)


def _checked_ids(ids, name):
    ids = np.asarray(ids)
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(
            f"{name} must be one integer an embedding; received shape "
            f"{ids.shape}, dtype {ids.dtype}"
        )
    return ids.astype(np.int64, copy=False)
