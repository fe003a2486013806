"""How much of the exact answer an approximate index finds."""

import numpy as np

_MAX_QUERIES = 1000


def measure_recall(index, oracle, k=10, seed=0):
    """Compares an index with an exact one over the same embeddings.

    Up to 1,000 stored embeddings, chosen by the seed, are the queries.

    Args:
        index: `Index` to be measured.
        oracle: `Index` whose answer is taken as right.
        k: int >= 1. Neighbours asked for; at most the gallery's size is used.
        seed: int >= 0.

    Returns:
        float in 0..1: mean share of the oracle's k ids that `index` returns.
    """
    k = min(k, len(oracle))
    queries = oracle.embeddings
    if len(queries) > _MAX_QUERIES:
        random = np.random.default_rng(seed)
        chosen = random.choice(len(queries), _MAX_QUERIES, replace=False)
        queries = queries[chosen]
    found, _ = index.search(queries, k)
    right, _ = oracle.search(queries, k)
    shares = [
        len(np.intersect1d(one, other)) / k
        for one, other in zip(found, right, strict=True)
    ]
    return float(np.mean(shares))
