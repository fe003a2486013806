"""How much of the exact answer an approximate index finds."""

import numpy as np

_MAX_QUERIES = 1000


def measure_recall(index, oracle, k=10, seed=0, queries=None):
    """Compares an index with an exact one over the same embeddings.

    Args:
        index: `Index` to be measured.
        oracle: `Index` whose answer is taken as right; it holds the same ids.
        k: int >= 1. Neighbours asked for; at most all others are used.
        seed: int >= 0.
        queries: `(Q, dim)` float array, or `None` for up to 1,000 stored
            embeddings, chosen by the seed. Each of these is left out of its
            own answer: finding it is no merit.

    Returns:
        float in 0..1: mean share of the oracle's k answers that `index`
        finds; an item as similar as the oracle's k-th counts as one. 1 where
        there is a single item.
    """
    return RecallMeasure(oracle, k, seed, queries).of(index)


class RecallMeasure:
    """Measures several indexes, or one that changes, by the same queries.

    Args:
        oracle, k, seed, queries: As for `measure_recall`.
    """

    def __init__(self, oracle, k=10, seed=0, queries=None):
        self._embeddings, ids = oracle.embeddings, oracle.ids
        self._order = np.argsort(ids)
        self._sorted_ids = ids[self._order]
        if queries is None:
            num_queries = min(_MAX_QUERIES, len(ids))
            random = np.random.default_rng(seed)
            self._own = random.choice(len(ids), num_queries, replace=False)
            self._k = min(k, len(ids) - 1)
            self.queries = self._embeddings[self._own]
        else:
            self._own = None
            self._k = min(k, len(ids))
            self.queries = np.asarray(queries, np.float32)
        if self._k:
            scores = self._scores(self._neighbours(oracle))
            # As similar but for the rounding of a sum.
            self._floor = scores.min(axis=1)
            self._floor -= 1e-6 * np.maximum(1.0, np.abs(self._floor))

    def of(self, index):
        """Returns the recall of an index over the oracle's embeddings."""
        if not self._k:
            return 1.0
        scores = self._scores(self._neighbours(index))
        return float(np.mean(scores >= self._floor[:, None]))

    def _neighbours(self, index):
        """Returns `(Q, k)` rows, -1 for none; a query is not its own."""
        asked_for = self._k if self._own is None else self._k + 1
        found, _ = index.search(self.queries, asked_for)
        places = np.searchsorted(self._sorted_ids, found)
        rows = self._order[np.minimum(places, len(self._order) - 1)]
        rows[found == ""] = -1
        if self._own is None:
            return rows
        own = rows == self._own[:, None]
        # Where a query did not find itself, its last answer is one too many.
        left_out = np.where(own.any(axis=1), own.argmax(axis=1), self._k)
        rest = np.arange(asked_for) != left_out[:, None]
        return rows[rest].reshape(len(rows), self._k)

    def _scores(self, rows):
        # By score, not by id: of items as similar as the k-th, any is right.
        neighbours = self._embeddings[rows]
        scores = np.einsum("qd,qkd->qk", self.queries, neighbours)
        return np.where(rows >= 0, scores, -np.inf)
