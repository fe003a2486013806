"""Retrieval scores on the zero-shot protocol: named numbers of embeddings."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_dvml.arguments import check_in_range
from keras_dvml.evaluation.checks import labelled_embeddings
from keras_dvml.evaluation.clustering_scores import (
    cluster_as_classes,
    scores_of_clusters,
)
from keras_dvml.evaluation.ranks import (
    PositiveRanks,
    check_has_pairs,
    checked_queries,
    positive_ranks,
    query_scores,
)

_GALLERY_SIZE = "the number of items a query is compared with"


class RetrievalScores(dict):
    """Scores by name, with what they were computed from.

    Attributes:
        ks: The k of Recall@k.
        ranks: One entry for each query that counts.
        labels: `(Q,)` array. Labels of all queries.
        clusters: `(Q,)` int array or `None`. Their clusters, if any.

    Example:
        >>> import keras_dvml as kd
        >>> scores = kd.evaluation.evaluate_retrieval(
        ...     [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], [0, 0, 1], ks=(1,)
        ... )
        >>> scores.ks, scores.labels.tolist(), scores.num_left_out
        ((1,), [0, 0, 1], 1)
    """

    def __init__(
        self,
        scores: dict[str, float],
        ks: Sequence[int],
        ranks: PositiveRanks,
        labels: np.ndarray,
        clusters: np.ndarray | None = None,
    ) -> None:
        super().__init__(scores)
        self.ks = tuple(ks)
        self.ranks = ranks
        self.labels = labels
        self.clusters = clusters

    @property
    def num_left_out(self) -> int:
        """Queries that count in no retrieval score: nothing is to be found."""
        return self.ranks.num_left_out


def evaluate_retrieval(
    embeddings: Any,
    labels: Any = None,
    ks: Sequence[int] = (1, 2, 4, 8),
    queries: Any = None,
    *,
    clustering: bool = True,
    seed: int = 0,
    progress: bool = True,
) -> RetrievalScores:
    """Scores embeddings by retrieval and by clustering.

    Items are ordered by the dot product in float32; of equally similar items
    those of other classes come first. Queries whose class has no other item
    are left out of the retrieval scores, counted in `num_left_out` and
    logged. The retrieval scores take the time of a matrix product and never
    hold all similarities. The clustering takes longer where there are
    thousands of classes, and may be left out.

    Args:
        embeddings: `(N, dim)` float array, memory map or `tf.data.Dataset`
            (of batches or of single embeddings, with or without labels); unit
            length makes the dot product the cosine.
        labels: `(N,)` array or `tf.data.Dataset` of class ids; `None` where
            the embeddings come with them.
        ks: The k of Recall@k, each in 1..N-1, or 1..N with queries.
        queries: `None`, so that each embedding is a query among all others;
            or `(query_embeddings, query_labels)` or a `tf.data.Dataset` of
            such pairs, to be looked up among all the embeddings.
        clustering: Whether to give `nmi`, `ami` and `f1`: k-means of
            the queries into as many clusters as they have classes.
        seed: Seed of the k-means.
        progress: Whether to show a progress bar when it takes long.

    Returns:
        `RetrievalScores`, a dict of floats: `recall@k` for each k, `map@r`,
        `r_precision`, `mrr`, `nmi`, `f1` in 0..1, and `ami`, at most 1.

    Raises:
        ValueError: If embeddings are not finite, shapes do not fit, a k is
            out of range, or no query has anything to find.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]]
        >>> scores = kd.evaluation.evaluate_retrieval(
        ...     embeddings, [0, 0, 1, 1], ks=(1, 2)
        ... )
        >>> scores["recall@1"], scores["nmi"], scores.num_left_out
        (1.0, 1.0, 0)

    Reference:
        [Musgrave et al., 2020](https://arxiv.org/abs/2003.08505)
    """
    embeddings, labels = labelled_embeddings(embeddings, labels)
    gallery_size = len(labels) - 1
    clustered = embeddings, labels
    if queries is not None:
        gallery_size = len(labels)
        clustered = queries = checked_queries(queries, embeddings.shape[1])
    # Before the long part.
    for k in ks:
        check_in_range(1, gallery_size, _GALLERY_SIZE, k=k)
    ranks = positive_ranks(embeddings, labels, queries, progress)
    scores = {
        name: float(np.mean(values))
        for name, values in query_scores(ranks, ks).items()
    }
    clusters = None
    if clustering:
        clusters = cluster_as_classes(*clustered, seed, progress)
        scores |= scores_of_clusters(clustered[1], clusters)
    return RetrievalScores(scores, ks, ranks, clustered[1], clusters)


def check_scorable(labels: np.ndarray, ks: Sequence[int]) -> None:
    """Raises where items of these labels could not be scored.

    For what is evaluated after hours: whether it can be is known before.

    Args:
        labels: `(N,)` array, as from `checked_labels`.
        ks: As for `evaluate_retrieval`.

    Raises:
        ValueError: If a k is out of range, or no class has two items.
    """
    for k in ks:
        check_in_range(1, len(labels) - 1, _GALLERY_SIZE, k=k)
    check_has_pairs(labels)


def score_names(
    ks: Sequence[int] = (1, 2, 4, 8), clustering: bool = True
) -> list[str]:
    """Returns the names of the scores that `evaluate_retrieval` gives.

    Args:
        ks: The k of Recall@k.
        clustering: Whether it clusters.

    Example:
        >>> import keras_dvml as kd
        >>> kd.evaluation.score_names((1,), clustering=False)
        ['recall@1', 'map@r', 'r_precision', 'mrr']
    """
    names = [f"recall@{k}" for k in ks] + ["map@r", "r_precision", "mrr"]
    return names + ["nmi", "ami", "f1"] if clustering else names


def recall_at_k(ranks: PositiveRanks, k: int) -> float:
    """Share of queries with a same-class item among their k nearest.

    Args:
        ranks: As from `positive_ranks`.
        k: 1..gallery size (without the query itself).

    Returns:
        0..1.

    Raises:
        ValueError: If k is below 1, or there are no k items.

    Example:
        >>> import keras_dvml as kd
        >>> ranks = kd.evaluation.positive_ranks(
        ...     [[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]], ["a", "b", "a"]
        ... )
        >>> [kd.evaluation.recall_at_k(ranks, k) for k in (1, 2)]
        [0.0, 1.0]
    """
    check_in_range(1, ranks.gallery_size, _GALLERY_SIZE, k=k)
    return float(np.mean(ranks.best <= k))


def map_at_r(ranks: PositiveRanks) -> float:
    """Mean average precision at R, R the number of same-class items.

    `1/R sum_{i <= R} precision(i) if item i is of the class else 0`, mean
    over queries.

    Args:
        ranks: As from `positive_ranks`.

    Returns:
        0..1.

    Example:
        >>> import keras_dvml as kd
        >>> ranks = kd.evaluation.positive_ranks(
        ...     [[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]], ["a", "b", "a"]
        ... )
        >>> kd.evaluation.map_at_r(ranks)
        0.0

    Reference:
        [Musgrave et al., 2020](https://arxiv.org/abs/2003.08505)
    """
    return float(np.mean(ranks.average_precision))


def r_precision(ranks: PositiveRanks) -> float:
    """Share of same-class items among the R nearest, R as many as there are.

    Args:
        ranks: As from `positive_ranks`.

    Returns:
        0..1.

    Example:
        >>> import keras_dvml as kd
        >>> ranks = kd.evaluation.positive_ranks(
        ...     [[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]], ["a", "b", "a"]
        ... )
        >>> kd.evaluation.r_precision(ranks)
        0.0
    """
    return float(np.mean(ranks.num_within_r / ranks.num_positive))


def mean_reciprocal_rank(ranks: PositiveRanks) -> float:
    """Mean over queries of `1 / rank` of the nearest same-class item.

    Args:
        ranks: As from `positive_ranks`.

    Returns:
        0..1.

    Example:
        >>> import keras_dvml as kd
        >>> ranks = kd.evaluation.positive_ranks(
        ...     [[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]], ["a", "b", "a"]
        ... )
        >>> kd.evaluation.mean_reciprocal_rank(ranks)
        0.5
    """
    return float(np.mean(1 / ranks.best))
