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
        float in 0..1: mean share of the oracle's k answers that `index`
        finds; an item as similar as the oracle's k-th counts as one.
    """
    k = min(k, len(oracle))
    queries = oracle.embeddings
    if len(queries) > _MAX_QUERIES:
        random = np.random.default_rng(seed)
        chosen = random.choice(len(queries), _MAX_QUERIES, replace=False)
        queries = queries[chosen]
    found, _ = index.search(queries, k)
    _, right_scores = oracle.search(queries, k)
    embeddings = dict(zip(oracle.id_strings(), oracle.embeddings, strict=True))
    shares = [
        _share(query, [embeddings[one] for one in ids if one], scores)
        for query, ids, scores in zip(queries, found, right_scores, strict=True)
    ]
    return float(np.mean(shares))


def _share(query, neighbours, right_scores):
    # By score, not by id: of items as similar as the k-th, any is right.
    if not neighbours:
        return 0.0
    floor = right_scores[-1] - 1e-6 * max(1.0, abs(right_scores[-1]))
    num_right = np.count_nonzero(np.stack(neighbours) @ query >= floor)
    return num_right / len(right_scores)
