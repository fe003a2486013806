"""Retrieval scores on the zero-shot protocol: named numbers of embeddings."""

import numpy as np

from keras_dvml.evaluation.checks import labelled_embeddings
from keras_dvml.evaluation.clustering_scores import (
    ami,
    cluster_as_classes,
    nmi,
    pairwise_f1,
)
from keras_dvml.evaluation.ranks import checked_queries, positive_ranks


class RetrievalScores(dict):
    """Scores by name, with what they were computed from.

    Attributes:
        ks: ints. The k of Recall@k.
        ranks: `PositiveRanks`, one entry for each query that counts.
        labels: `(Q,)` array. Labels of all queries.
        clusters: `(Q,)` int array or `None`. Their clusters, if any.
    """

    def __init__(self, scores, ks, ranks, labels, clusters=None):
        super().__init__(scores)
        self.ks = tuple(ks)
        self.ranks = ranks
        self.labels = labels
        self.clusters = clusters

    @property
    def num_left_out(self):
        """Queries that count in no retrieval score: nothing is to be found."""
        return self.ranks.num_left_out


def evaluate_retrieval(
    embeddings,
    labels=None,
    ks=(1, 2, 4, 8),
    queries=None,
    *,
    clustering=True,
    seed=0,
    progress=True,
):
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
        ks: ints. The k of Recall@k, each in 1..N-1, or 1..N with queries.
        queries: `None`, so that each embedding is a query among all others;
            or `(query_embeddings, query_labels)` or a `tf.data.Dataset` of
            such pairs, to be looked up among all the embeddings.
        clustering: bool. Whether to give `nmi`, `ami` and `f1`: k-means of
            the queries into as many clusters as they have classes.
        seed: int. Seed of the k-means.
        progress: bool. Whether to show a progress bar when it takes long.

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
    asked = embeddings, labels
    if queries is not None:
        gallery_size = len(labels)
        asked = queries = checked_queries(queries, embeddings.shape[1])
    # Before the long part.
    for k in ks:
        _check_k(k, gallery_size)
    ranks = positive_ranks(embeddings, labels, queries, progress)
    scores = {f"recall@{k}": recall_at_k(ranks, k) for k in ks}
    scores["map@r"] = map_at_r(ranks)
    scores["r_precision"] = r_precision(ranks)
    scores["mrr"] = mean_reciprocal_rank(ranks)
    clusters = None
    if clustering:
        clusters = cluster_as_classes(*asked, seed=seed, progress=progress)
        scores["nmi"] = nmi(asked[1], clusters)
        scores["ami"] = ami(asked[1], clusters)
        scores["f1"] = pairwise_f1(asked[1], clusters)
    return RetrievalScores(scores, ks, ranks, asked[1], clusters)


def score_names(ks=(1, 2, 4, 8), clustering=True):
    """Returns the names of the scores that `evaluate_retrieval` gives."""
    names = [f"recall@{k}" for k in ks] + ["map@r", "r_precision", "mrr"]
    return names + ["nmi", "ami", "f1"] if clustering else names


def recall_at_k(ranks, k):
    """Share of queries with a same-class item among their k nearest.

    Args:
        ranks: `PositiveRanks`, as from `positive_ranks`.
        k: int in 1..gallery size (without the query itself).

    Returns:
        float in 0..1.

    Raises:
        ValueError: If k is below 1, or there are no k items.
    """
    _check_k(k, ranks.gallery_size)
    return float(np.mean(ranks.best <= k))


def map_at_r(ranks):
    """Mean average precision at R, R the number of same-class items.

    `1/R sum_{i <= R} precision(i) if item i is of the class else 0`, mean
    over queries.

    Args:
        ranks: `PositiveRanks`, as from `positive_ranks`.

    Returns:
        float in 0..1.

    Reference:
        [Musgrave et al., 2020](https://arxiv.org/abs/2003.08505)
    """
    return float(np.mean(ranks.average_precision))


def r_precision(ranks):
    """Share of same-class items among the R nearest, R as many as there are.

    Args:
        ranks: `PositiveRanks`, as from `positive_ranks`.

    Returns:
        float in 0..1.
    """
    return float(np.mean(ranks.num_within_r / ranks.num_positive))


def mean_reciprocal_rank(ranks):
    """Mean over queries of `1 / rank` of the nearest same-class item.

    Args:
        ranks: `PositiveRanks`, as from `positive_ranks`.

    Returns:
        float in 0..1.
    """
    return float(np.mean(1 / ranks.best))


def _check_k(k, gallery_size):
    if not 1 <= k <= gallery_size or k != int(k):
        raise ValueError(
            f"k must be in 1..{gallery_size} (the items that a query is "
            f"compared with); received {k}"
        )
