"""A round of UDML-SS: clusters become labels, and how the clustering went."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.clustering import Clustering
from keras_dvml.clustering.clustering import Clusterer
from keras_dvml.clustering.points import cluster_means
from keras_dvml.evaluation import nmi


class LabelRound(NamedTuple):
    """How one round of clustering went, in figures that JSON can hold.

    Figures that compare are `None` where there is nothing to compare with:
    the first round has none before it.

    Attributes:
        round: Counted from 1.
        epoch: Counted from 0. The first that trained on these labels; `None`
            where that is not known.
        num_clusters: Clusters with members.
        smallest: Members of the smallest of them.
        median: Members of the median one.
        largest: Members of the largest.
        num_empty: Clusters without a member.
        num_single: Clusters of one member.
        num_noise: Images that belong to no cluster.
        num_reseeded: How many times an empty cluster was filled.
        inertia: As in `clustering.Clustering`.
        changed: 0..1. Share of images whose cluster is another than in the
            round before, ids being aligned.
        nmi_previous: 0..1. Normalised mutual information with the round
            before; noise counts as a cluster.
        nmi_true: 0..1. The same with the true labels.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]
        >>> clustering = kd.clustering.k_means(embeddings, num_clusters=2)
        >>> figures = kd.training.describe_round(clustering)
        >>> figures.round, figures.num_clusters, figures.changed
        (1, 2, None)
    """

    round: int
    epoch: int | None
    num_clusters: int
    smallest: int
    median: float
    largest: int
    num_empty: int
    num_single: int
    num_noise: int
    num_reseeded: int
    inertia: float
    changed: float | None
    nmi_previous: float | None
    nmi_true: float | None

    def __str__(self) -> str:
        text = f"{self.num_clusters} clusters of {self.smallest} to "
        text += f"{self.largest} images"
        if self.changed is not None:
            text += f"; {self.changed:.0%} of them changed cluster"
        if self.nmi_true is not None:
            text += f"; NMI with the labels, not used: {self.nmi_true:.3f}"
        return text


def next_round(
    embeddings: np.ndarray,
    clusterer: Clusterer,
    previous: Clustering | None = None,
    *,
    same_space: bool = True,
) -> Clustering:
    """Clusters embeddings in view of the round before.

    The clusterer may start from the centroids before. The first round of
    UDML-SS clusters features, as its embedding is untrained: the second starts
    from the means of the embeddings under the labels of the first. Clusters
    are renamed so as to agree with the round before.

    Args:
        embeddings: `(N, dim)` float32 array, of features in the first round.
        clusterer: Function `(embeddings, previous) -> Clustering`, such as
            `clustering.k_means_clusterer` returns. It is given the clustering
            before, with centroids in the space of the embeddings, or `None`.
        previous: The clustering before of the same images, or `None` in the
            first round. -1 for an image that had no cluster.
        same_space: Whether the centroids of `previous` are in the space of
            the embeddings.

    Returns:
        `clustering.Clustering`.

    Raises:
        ValueError: If the clusterer does not return one cluster an embedding,
            or nothing but noise.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> features = np.float32([[1, 0, 0], [1, 0, 0], [0, 1, 1]])
        >>> embeddings = np.float32([[1, 0], [1, 1], [0, 1]])
        >>> clusterer = kd.clustering.k_means_clusterer(2)
        >>> first = kd.training.next_round(features, clusterer)
        >>> second = kd.training.next_round(
        ...     embeddings, clusterer, first, same_space=False
        ... )
        >>> kd.training.describe_round(second, first, number=2).changed
        0.0

    Reference:
        [Cao et al., 2019](https://arxiv.org/abs/1911.07072)
    """
    start = previous
    if previous is not None and not same_space:
        means = cluster_means(
            embeddings, previous.assignments, previous.num_clusters
        )
        start = previous._replace(centroids=means)
    found = clusterer(embeddings, start)
    if found.assignments.shape != (len(embeddings),):
        raise ValueError(
            "clusterer must assign a cluster to each of "
            f"{len(embeddings)} embeddings; received assignments of shape "
            f"{found.assignments.shape}"
        )
    if found.assignments.max() < 0:
        raise ValueError(
            f"clusterer must find a cluster among {len(embeddings)} "
            "embeddings; received only noise"
        )
    return found if previous is None else found.align(previous.assignments)


def new_clusters(
    clustering: Clustering, previous: Clustering | None
) -> np.ndarray:
    """Marks ids whose cluster is for the most part of other images.

    Args:
        clustering: As from `next_round`.
        previous: The clustering before, or `None` in the first round.

    Returns:
        `(num_clusters,)` bool array; `False` for empty clusters.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> from keras_dvml.training.label_round import new_clusters
        >>> rows = np.float32([[0], [0], [9]])
        >>> clustering = kd.clustering.k_means(rows, num_clusters=2)
        >>> new_clusters(clustering, None).tolist()
        [True, True]
        >>> new_clusters(clustering, clustering).tolist()
        [False, False]
    """
    now = clustering.assignments
    is_same = np.zeros(len(now), bool)
    if previous is not None:
        is_same = now == previous.assignments
    num_clusters = clustering.num_clusters
    sizes = np.bincount(now[now >= 0], minlength=num_clusters)
    kept = np.bincount(now[(now >= 0) & is_same], minlength=num_clusters)
    return (sizes > 0) & (2 * kept <= sizes)


def describe_round(
    clustering: Clustering,
    previous: Clustering | None = None,
    *,
    number: int = 1,
    epoch: int | None = None,
    true_labels: ArrayLike | None = None,
    known: np.ndarray | None = None,
) -> LabelRound:
    """Returns the figures of a round.

    Args:
        clustering: As from `next_round`.
        previous: The clustering before, or `None` in the first round.
        number: Which round it is, from 1.
        epoch: The first that trains on it, from 0, or `None`.
        true_labels: `(N,)` array or `None`. Compared with, never used.
        known: `(N,)` bool array: which images the round before had. By default
            it had all.

    Returns:
        `LabelRound`.

    Raises:
        ValueError: If the clustering before, or the labels, are not of the
            same images.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]
        >>> clustering = kd.clustering.k_means(embeddings, num_clusters=2)
        >>> figures = kd.training.describe_round(
        ...     clustering, true_labels=[3, 3, 7]
        ... )
        >>> print(figures)
        2 clusters of 1 to 2 images; NMI with the labels, not used: 1.000
    """
    num_images = len(clustering.assignments)
    if previous is not None and len(previous.assignments) != num_images:
        raise ValueError(
            f"previous must be of the same {num_images} images; received one "
            f"of {len(previous.assignments)}"
        )
    sizes = clustering.sizes[clustering.sizes > 0]
    changed = nmi_previous = nmi_true = None
    if previous is not None and (known is None or known.any()):
        compared = slice(None) if known is None else known
        before = previous.assignments[compared]
        now = clustering.assignments[compared]
        changed = float(np.mean(now != before))
        nmi_previous = nmi(before, now)
    if true_labels is not None:
        nmi_true = nmi(true_labels, clustering.assignments)
    return LabelRound(
        number,
        epoch,
        num_clusters=len(sizes),
        smallest=int(sizes.min()),
        median=float(np.median(sizes)),
        largest=int(sizes.max()),
        num_empty=clustering.num_empty,
        num_single=clustering.num_single,
        num_noise=clustering.num_noise,
        num_reseeded=clustering.num_reseeded,
        inertia=clustering.inertia,
        changed=changed,
        nmi_previous=nmi_previous,
        nmi_true=nmi_true,
    )
