"""What a clustering is, and warnings of its sizes."""

import logging
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.clustering.alignment import aligned_ids
from keras_dvml.clustering.nearest import assigner_for
from keras_dvml.clustering.points import Points

_LOGGER = logging.getLogger(__name__)

_SIZES_SHOWN = 10


class ClusterSizeWarning(UserWarning):
    """Sizes of clusters from which little can be learned.

    Example:
        >>> import warnings
        >>> import keras_dvml as kd
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     _ = kd.clustering.k_means([[1.0], [1.0]], num_clusters=2)
        >>> issubclass(caught[0].category, kd.clustering.ClusterSizeWarning)
        True
    """


class Clustering(NamedTuple):
    """Embeddings divided into clusters.

    Attributes:
        assignments: `(N,)` int64 array. The cluster of each embedding, in
            0..K-1, or -1 for noise.
        distances: `(N,)` float32 array. Distance to the embedding's own
            centroid, for noise to the nearest: `1 - cosine` in 0..2, or the
            Euclidean distance, after the metric.
        centroids: `(K, dim)` float32 array. Means of the members, for the
            cosine scaled to length 1.
        inertia: What k-means makes small, without noise: the sum of
            `1 - cosine`, or of squared Euclidean distances.
        sizes: `(K,)` int64 array. Members of each cluster.
        num_reseeded: How many times an empty cluster was given members of the
            largest one.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]
        >>> clustering = kd.clustering.k_means(embeddings, num_clusters=2)
        >>> clustering.num_clusters, clustering.num_noise
        (2, 0)
    """

    assignments: np.ndarray
    distances: np.ndarray
    centroids: np.ndarray
    inertia: float
    sizes: np.ndarray
    num_reseeded: int = 0

    @property
    def num_clusters(self) -> int:
        """K, empty clusters included."""
        return len(self.sizes)

    @property
    def num_empty(self) -> int:
        """Clusters without a member: only where embeddings are repeated."""
        return int(np.count_nonzero(self.sizes == 0))

    @property
    def num_single(self) -> int:
        """Clusters of one member, which batches must show repeatedly."""
        return int(np.count_nonzero(self.sizes == 1))

    @property
    def num_noise(self) -> int:
        """Embeddings that belong to no cluster."""
        return int(np.count_nonzero(self.assignments < 0))

    def align(self, previous_assignments: ArrayLike) -> "Clustering":
        """Renames the clusters so as to agree with an earlier clustering.

        Args:
            previous_assignments: `(N,)` int array, as for `align_clusters`.

        Returns:
            `Clustering` in which assignments, centroids and sizes have the
            new ids. Where the earlier one had more clusters, an id that is
            not needed has size 0 and a centroid of NaN.

        Example:
            >>> import keras_dvml as kd
            >>> embeddings = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]
            >>> clustering = kd.clustering.k_means(embeddings, 2)
            >>> clustering.align([5, 5, 0]).assignments.tolist()
            [5, 5, 0]
        """
        ids = aligned_ids(
            self.assignments, previous_assignments, self.num_clusters
        )
        num_ids = max(self.num_clusters, ids.max(initial=-1) + 1)
        centroids = np.full((num_ids, self.centroids.shape[1]), np.nan, "f")
        sizes = np.zeros(num_ids, np.int64)
        centroids[ids], sizes[ids] = self.centroids, self.sizes
        # One more entry, so that -1 stays -1.
        assignments = np.append(ids, -1)[self.assignments]
        return self._replace(
            assignments=assignments, centroids=centroids, sizes=sizes
        )


#: Function from embeddings and the clustering before, or `None`, to the next.
Clusterer = Callable[[np.ndarray, Clustering | None], Clustering]


def summarize(
    points: Points,
    assignments: np.ndarray,
    centroids: np.ndarray,
    num_reseeded: int = 0,
) -> Clustering:
    """Returns the `Clustering`, and warns of sizes that bode ill.

    Args:
        points: What was clustered.
        assignments: `(N,)` int64 array, -1 for noise.
        centroids: `(K, dim)` float32 array, as prepared.
        num_reseeded: As in `Clustering`.
    """
    is_member = assignments >= 0
    nearest = assignments
    if not is_member.all():
        nearest = assigner_for("tensorflow")(points, centroids)
        nearest = np.where(is_member, assignments, nearest)
    distances = points.distances(nearest, centroids)
    terms = distances if points.metric == "cosine" else np.square(distances)
    clustering = Clustering(
        assignments,
        distances,
        centroids + points.origin,
        float(terms[is_member].sum(dtype=np.float64)),
        np.bincount(assignments[is_member], minlength=len(centroids)),
        num_reseeded,
    )
    _check_sizes(clustering)
    return clustering


def _check_sizes(clustering):
    """Warns where clusters are empty or one holds most embeddings."""
    sizes, num_points = clustering.sizes, int(clustering.sizes.sum())
    largest = int(sizes.argmax())
    _LOGGER.info(
        "%d embeddings in %d clusters of %d to %d; %d of one member, %d "
        "re-seeded",
        num_points,
        len(sizes),
        sizes.min(),
        sizes[largest],
        clustering.num_single,
        clustering.num_reseeded,
    )
    found = []
    if len(sizes) > 1 and sizes[largest] == num_points > 1:
        found.append(f"all {num_points} embeddings are in cluster {largest}")
    # Of two clusters one has to hold half.
    elif len(sizes) > 2 and sizes[largest] > num_points / 2:
        found.append(
            f"cluster {largest} holds {sizes[largest]} of {num_points} "
            "embeddings"
        )
    if clustering.num_empty:
        found.append(
            f"{clustering.num_empty} of {len(sizes)} clusters are empty, for "
            "want of distinct embeddings"
        )
    if found:
        shown = ", ".join(map(str, np.sort(sizes)[::-1][:_SIZES_SHOWN]))
        dots = ", ..." if len(sizes) > _SIZES_SHOWN else ""
        warnings.warn(
            f"{'; '.join(found)}. Sizes: {shown}{dots}",
            ClusterSizeWarning,
            stacklevel=4,
        )
