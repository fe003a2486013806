"""How well a clustering of embeddings agrees with their classes.

All scores need only how many items each class and cluster share; of these
counts most are 0, and those are never stored.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import cluster

from keras_dvml.arguments import in_order
from keras_dvml.clustering import ClusterSizeWarning, k_means
from keras_dvml.evaluation.checks import checked_labels, labelled_embeddings

_MOST_SPREAD_STARTS = 1000
# Multiply-adds of an iteration from which on k-means takes seconds.
_LONG = 10**10


def clustering_scores(
    embeddings: Any, labels: Any = None, seed: int = 0, progress: bool = True
) -> dict[str, float]:
    """Clusters embeddings into as many clusters as classes and compares.

    Args:
        embeddings: `(N, dim)` float array or `tf.data.Dataset`, as for
            `evaluate_retrieval`.
        labels: `(N,)` array of class ids.
        seed: Seed of k-means.
        progress: Whether to show a progress bar when it takes long.

    Returns:
        dict of `nmi`, `ami` and `f1`.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]]
        >>> kd.evaluation.clustering_scores(embeddings, [0, 0, 1, 1])["f1"]
        1.0
    """
    embeddings, labels = labelled_embeddings(embeddings, labels)
    clusters = cluster_as_classes(embeddings, labels, seed, progress)
    return scores_of_clusters(labels, clusters)


def scores_of_clusters(
    labels: np.ndarray, clusters: np.ndarray
) -> dict[str, float]:
    """Returns `nmi`, `ami` and `f1` by name."""
    return {
        "nmi": nmi(labels, clusters),
        "ami": ami(labels, clusters),
        "f1": pairwise_f1(labels, clusters),
    }


def cluster_as_classes(
    embeddings: np.ndarray,
    labels: np.ndarray,
    seed: int = 0,
    progress: bool = True,
) -> np.ndarray:
    """Clusters embeddings by k-means into as many clusters as classes.

    Starts as k-means++ does. Beyond 1,000 clusters, where choosing the start
    would take longer than the rest, it starts from random embeddings.

    Args:
        embeddings: `(N, dim)` float32 array.
        labels: `(N,)` array of class ids.
        seed: Seed of k-means.
        progress: Whether to show a progress bar when it takes long.

    Returns:
        `(N,)` int array of cluster ids.

    Reference:
        [Arthur & Vassilvitskii, 2007](https://dl.acm.org/doi/10.5555/1283383.1283494)
    """
    num_classes = len(np.unique(labels))
    centroids = None
    if num_classes <= _MOST_SPREAD_STARTS:
        centroids, _ = cluster.kmeans_plusplus(
            embeddings, num_classes, random_state=seed
        )
    with warnings.catch_warnings():
        # How bad a clustering is, the scores show.
        warnings.simplefilter("ignore", ClusterSizeWarning)
        return k_means(
            embeddings,
            num_classes,
            initial_centroids=centroids,
            metric="euclidean",
            seed=seed,
            progress=progress and embeddings.size * num_classes > _LONG,
        ).assignments


def nmi(labels: ArrayLike, clusters: ArrayLike) -> float:
    """Normalised mutual information, with the arithmetic mean.

    `2 I(labels; clusters) / (H(labels) + H(clusters))`

    Args:
        labels: `(N,)` array of class ids.
        clusters: `(N,)` array of cluster ids.

    Returns:
        0..1; 1 where both have a single group.

    Example:
        >>> import keras_dvml as kd
        >>> kd.evaluation.nmi([0, 0, 1, 1], [5, 5, 3, 3])
        1.0
    """
    table = ContingencyTable(labels, clusters)
    mean_entropy = table.mean_entropy()
    if not mean_entropy:
        return 1.0
    return _at_most_one(table.mutual_information() / mean_entropy)


def ami(labels: ArrayLike, clusters: ArrayLike) -> float:
    """Mutual information adjusted for chance, with the arithmetic mean.

    `(I - E[I]) / ((H(labels) + H(clusters)) / 2 - E[I])`, the expectation
    over random clusterings of the same sizes.

    Args:
        labels: `(N,)` array of class ids.
        clusters: `(N,)` array of cluster ids.

    Returns:
        At most 1; 0 is chance.

    Example:
        >>> import keras_dvml as kd
        >>> kd.evaluation.ami([0, 0, 1, 1], [5, 5, 5, 5])
        0.0

    Reference:
        [Vinh et al., 2010](https://jmlr.org/papers/v11/vinh10a.html)
    """
    table = ContingencyTable(labels, clusters)
    by_chance = table.expected_mutual_information()
    above = table.mutual_information() - by_chance
    possible = table.mean_entropy() - by_chance
    # Both are 0 where chance cannot miss: all alone, or all together.
    if abs(possible) < 1e-12:
        return 1.0 if abs(above) < 1e-12 else 0.0
    return _at_most_one(above / possible)


def pairwise_f1(labels: ArrayLike, clusters: ArrayLike) -> float:
    """F1 of "same cluster" as a prediction of "same class", over all pairs.

    Args:
        labels: `(N,)` array of class ids.
        clusters: `(N,)` array of cluster ids.

    Returns:
        0..1; 0 where no pair agrees.

    Example:
        >>> import keras_dvml as kd
        >>> kd.evaluation.pairwise_f1([0, 0, 1, 1], [5, 5, 3, 3])
        1.0
    """
    table = ContingencyTable(labels, clusters)
    both = _num_pairs(table.counts)
    if not both:
        return 0.0
    precision = both / _num_pairs(table.cluster_sizes)
    recall = both / _num_pairs(table.class_sizes)
    return float(2 * precision * recall / (precision + recall))


class ContingencyTable:
    """How many items each class and cluster share, where they share any.

    Attributes:
        classes, clusters, counts: `(M,)` int arrays. Class number, cluster
            number and the items of both.
        class_sizes, cluster_sizes: int arrays.

    Args:
        labels: `(N,)` array of class ids.
        clusters: `(N,)` array of cluster ids.
    """

    def __init__(self, labels: ArrayLike, clusters: ArrayLike) -> None:
        clusters = np.asarray(in_order(clusters, "clusters"))
        labels = checked_labels(labels, len(clusters), "clusters")
        _, labels = np.unique(labels, return_inverse=True)
        _, clusters = np.unique(clusters, return_inverse=True)
        self.class_sizes = np.bincount(labels)
        self.cluster_sizes = np.bincount(clusters)
        pairs, self.counts = np.unique(
            labels * len(self.cluster_sizes) + clusters, return_counts=True
        )
        self.classes, self.clusters = divmod(pairs, len(self.cluster_sizes))

    def mean_entropy(self) -> float:
        """Mean of the entropies of classes and clusters, in nats."""
        return (_entropy(self.class_sizes) + _entropy(self.cluster_sizes)) / 2

    def mutual_information(self) -> float:
        """`sum p(class, cluster) log(p(class, cluster) / (p p))`, in nats."""
        counts, total = self.counts, self.counts.sum()
        independent = self.class_sizes[self.classes] / total
        independent *= self.cluster_sizes[self.clusters]
        return float(np.sum(counts / total * np.log(counts / independent)))

    def expected_mutual_information(self) -> float:
        """Its mean over random clusterings with clusters of these sizes.

        It sums over pairs of sizes, not of groups: of 11,316 classes few have
        a size of their own.
        """
        total = int(self.counts.sum())
        log_factorials = np.cumsum(np.log(np.maximum(np.arange(total + 1), 1)))
        sizes, numbers = np.unique(self.class_sizes, return_counts=True)
        others = np.unique(self.cluster_sizes, return_counts=True)
        information = 0.0
        for size, number in zip(sizes.tolist(), numbers, strict=True):
            information += number * _expected_terms(
                size, *others, log_factorials
            )
        return information


def _expected_terms(size, others, numbers, log_factorials):
    """Share of one class of a size in the expected mutual information.

    Args:
        size: Size of the class.
        others: `(S,)` int array. Sizes of clusters.
        numbers: `(S,)` int array. Clusters of each size.
        log_factorials: `(N + 1,)` array, `log n!`.
    """
    total = len(log_factorials) - 1
    fewest = np.maximum(size + others - total, 1)
    lengths = np.minimum(others, size) - fewest + 1
    # Every number of items that the class and a cluster may share.
    shared = np.arange(lengths.sum()) + np.repeat(
        fewest - np.cumsum(lengths) + lengths, lengths
    )
    others, numbers = np.repeat(others, lengths), np.repeat(numbers, lengths)
    log_chance = log_factorials[size] + log_factorials[total - size]
    log_chance -= log_factorials[total]
    for ways in (others, total - others):
        log_chance = log_chance + log_factorials[ways]
    in_neither = total - size - others + shared
    for ways in (shared, size - shared, others - shared, in_neither):
        log_chance -= log_factorials[ways]
    information = np.log(shared * (total / size) / others) * shared / total
    return float(np.sum(numbers * np.exp(log_chance) * information))


def _entropy(sizes):
    shares = sizes / sizes.sum()
    return float(-np.sum(shares * np.log(shares)))


def _num_pairs(sizes):
    sizes = np.asarray(sizes, np.float64)
    return float(np.sum(sizes * (sizes - 1) / 2))


def _at_most_one(score):
    """Cuts off what rounding adds."""
    return float(min(score, 1.0))
