"""At which ranks a query finds the other items of its class."""

import numpy as np

from keras_dvml.evaluation.checks import checked_embeddings, checked_labels

_ROWS_AT_ONCE = 512


def positive_ranks(embeddings, labels):
    """Ranks of same-class items among all other items, for every query.

    Items are ranked by dot product, best first, rank 1 the nearest; the query
    itself never counts. Ties do not flatter: of equally similar items those
    of other classes come first.

    Args:
        embeddings: `(N, dim)` float array; unit length makes the dot product
            the cosine.
        labels: `(N,)` array of class ids.

    Returns:
        Tuple `(ranks, queries)`: a list with an ascending int array of ranks
        for each query that has another item of its class, and the `(Q,)`
        row numbers of those queries.

    Raises:
        ValueError: If no class has two items, or the input is malformed.
    """
    embeddings = checked_embeddings(embeddings)
    labels = checked_labels(labels, len(embeddings))
    counts = np.bincount(labels)
    queries = np.flatnonzero(counts[labels] > 1)
    if not len(queries):
        raise ValueError(
            "no class has two items, so there is nothing to retrieve; "
            f"received {len(labels)} items of {len(counts)} classes"
        )
    order = np.argsort(labels, kind="stable")
    members = np.split(order, np.cumsum(counts)[:-1])
    ranks = []
    for start in range(0, len(queries), _ROWS_AT_ONCE):
        rows = queries[start : start + _ROWS_AT_ONCE]
        similarity = embeddings[rows] @ embeddings.T
        for query, one in zip(rows, similarity, strict=True):
            same = members[labels[query]]
            ranks.append(_ranks_of(one, same[same != query], query))
    return ranks, queries


def _ranks_of(similarity, positives, query):
    positive = np.sort(similarity[positives])
    similarity[query] = -np.inf
    # Only items at least as similar as the farthest positive can precede one.
    candidates = similarity[similarity >= positive[0]]
    # How many positives each candidate is at least as similar as; counted
    # from above this gives the candidates at or before each positive.
    reached = np.searchsorted(positive, candidates, side="right")
    histogram = np.bincount(reached, minlength=len(positive) + 1)
    at_or_before = histogram[::-1].cumsum()[::-1][1:]
    # Positives tied with this one are among them: they follow it in `reached`
    # order, so the worst rank of the i-th best positive is corrected here.
    tied_above = np.searchsorted(positive, positive, side="left")
    num_positive = len(positive)
    negatives_before = at_or_before - (num_positive - tied_above)
    best_first = negatives_before[::-1] + np.arange(1, num_positive + 1)
    return best_first
