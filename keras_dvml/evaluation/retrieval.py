"""Retrieval scores on the zero-shot protocol: query = gallery, less itself."""

import numpy as np

from keras_dvml.evaluation.clustering_scores import clustering_scores
from keras_dvml.evaluation.ranks import positive_ranks


def evaluate_retrieval(embeddings, labels, ks=(1, 2, 4, 8), seed=0):
    """Scores embeddings by retrieval and by clustering.

    Args:
        embeddings: `(N, dim)` float array, compared by dot product.
        labels: `(N,)` array of class ids.
        ks: ints >= 1. The k of Recall@k.
        seed: int. Seed of the k-means behind NMI, AMI and F1.

    Returns:
        dict of floats in 0..1: `recall@k` for each k, `map@r`, `r_precision`,
        `nmi`, `ami`, `f1`. Queries whose class has no other item are left
        out of the retrieval scores.

    Raises:
        ValueError: If embeddings are not finite, shapes do not fit, a k is
            not in 1..N-1, or no class has two items.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]]
        >>> scores = kd.evaluation.evaluate_retrieval(
        ...     embeddings, [0, 0, 1, 1], ks=(1, 2)
        ... )
        >>> scores["recall@1"], scores["nmi"]
        (1.0, 1.0)

    Reference:
        [Musgrave et al., 2020](https://arxiv.org/abs/2003.08505)
    """
    ranks, _ = positive_ranks(embeddings, labels)
    scores = {f"recall@{k}": recall_at_k(ranks, k, len(labels)) for k in ks}
    scores["map@r"] = map_at_r(ranks)
    scores["r_precision"] = r_precision(ranks)
    scores.update(clustering_scores(embeddings, labels, seed=seed))
    return scores


def score_names(ks=(1, 2, 4, 8)):
    """Returns the names of the scores that `evaluate_retrieval` gives."""
    recalls = [f"recall@{k}" for k in ks]
    return [*recalls, "map@r", "r_precision", "nmi", "ami", "f1"]


def recall_at_k(ranks, k, num_items=None):
    """Share of queries with a same-class item among their k nearest.

    Args:
        ranks: ascending ranks for each query, as from `positive_ranks`.
        k: int >= 1.
        num_items: int or `None`. Size N of the gallery, where k is to be
            checked against it.

    Returns:
        float in 0..1.

    Raises:
        ValueError: If k is below 1, or there are no k other items.
    """
    if k < 1 or (num_items is not None and k >= num_items):
        raise ValueError(
            f"k must be in 1..{(num_items or np.inf) - 1} (the other items of "
            f"the gallery); received {k}"
        )
    return float(np.mean([one[0] <= k for one in ranks]))


def map_at_r(ranks):
    """Mean average precision at R, R the number of same-class items.

    `1/R sum_{i <= R} precision(i) if item i is of the class else 0`, mean
    over queries.

    Args:
        ranks: ascending ranks for each query, as from `positive_ranks`.

    Returns:
        float in 0..1.

    Reference:
        [Musgrave et al., 2020](https://arxiv.org/abs/2003.08505)
    """

    def average_precision(one):
        found = one[one <= len(one)]
        return np.sum(np.arange(1, len(found) + 1) / found) / len(one)

    return float(np.mean([average_precision(one) for one in ranks]))


def r_precision(ranks):
    """Share of same-class items among the R nearest, R as many as there are.

    Args:
        ranks: ascending ranks for each query, as from `positive_ranks`.

    Returns:
        float in 0..1.
    """
    return float(np.mean([np.mean(one <= len(one)) for one in ranks]))
