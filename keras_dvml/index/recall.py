"""How much of the exact answer an approximate index finds."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.index.index import Index

_MAX_QUERIES = 1000


def measure_recall(
    index: Index,
    oracle: Index,
    k: int = 10,
    seed: int = 0,
    queries: ArrayLike | None = None,
) -> float:
    """Compares an index with an exact one over the same embeddings.

    Args:
        index: What is measured.
        oracle: Index whose answer is taken as right; it holds the same ids.
        k: >= 1. Neighbours asked for; at most all others are used.
        seed: >= 0. Seed of the choice of queries.
        queries: `(Q, dim)` float array, or `None` for up to 1,000 stored
            embeddings, chosen by the seed. Each of these is left out of its
            own answer: finding it is no merit.

    Returns:
        0..1: mean share of the oracle's k answers that `index` finds; an item
        as similar as the oracle's k-th counts as one. 1 where there is a
        single item.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> embeddings = np.random.default_rng(0).normal(size=(50, 4))
        >>> index = kd.index.ExactIndex.build(embeddings, storage="int8")
        >>> oracle = kd.index.ExactIndex.build(embeddings)
        >>> kd.index.measure_recall(index, oracle) > 0.9
        True
    """
    return recall_against(oracle, k, seed, queries)(index)


def recall_against(
    oracle: Index,
    k: int = 10,
    seed: int = 0,
    queries: ArrayLike | None = None,
) -> Callable[[Index], float]:
    """Returns `measure_recall` as a function of the index alone.

    It measures several indexes, or one that changes, by the same queries. Its
    arguments are those of `measure_recall`.
    """
    embeddings, ids = oracle.embeddings, oracle.ids
    order = np.argsort(ids)
    sorted_ids = ids[order]
    own = None
    if queries is None:
        num_queries = min(_MAX_QUERIES, len(ids))
        random = np.random.default_rng(seed)
        own = random.choice(len(ids), num_queries, replace=False)
        queries = embeddings[own]
    queries = np.asarray(queries, np.float32)
    num_wanted = min(k + (own is not None), len(ids))
    k = num_wanted - (own is not None)

    def scores_of(index):
        """Returns the `(Q, k)` scores of neighbours, -inf for none."""
        found, _ = index.search(queries, num_wanted)
        places = np.searchsorted(sorted_ids, found)
        rows = order[np.minimum(places, len(order) - 1)]
        rows[found == ""] = -1
        if own is not None:
            is_own = rows == own[:, None]
            # Where a query did not find itself, its last answer is one too
            # many.
            left_out = np.where(is_own.any(axis=1), is_own.argmax(axis=1), k)
            rest = np.arange(num_wanted) != left_out[:, None]
            rows = rows[rest].reshape(len(rows), k)
        # By score, not by id: of items as similar as the k-th, any is right.
        scores = np.einsum("qd,qkd->qk", queries, embeddings[rows])
        return np.where(rows >= 0, scores, -np.inf)

    if not k:
        return lambda index: 1.0
    # As similar but for the rounding of a sum.
    floor = scores_of(oracle).min(axis=1)
    floor -= 1e-6 * np.maximum(1.0, np.abs(floor))
    return lambda index: float(np.mean(scores_of(index) >= floor[:, None]))
