"""Ranks without sorting everything: the R best items of each query suffice."""

import threading

import numpy as np

# Negatives sorted at once to see which of them matter.
_STRETCH = 128


class RankCounter:
    """Finds, for some queries, the ranks of their positives.

    Of a query with R positives only ranks up to R matter to any score, and
    the rank of the best positive, whatever it is. So the R best items are
    kept, at first the positives themselves, and the negatives in front of the
    best positive are counted. A negative that does not reach the R-th best so
    far is forgotten at once; of equal scores the negative comes first.

    Negatives may be added from several threads.

    Args:
        queries: `(P,)` int array in 0..num_queries-1, ascending. Each
            positive's query.
        scores: `(P,)` float32 array. Each positive's score.
        num_queries: Rows, of which some may have no positive.
    """

    def __init__(
        self, queries: np.ndarray, scores: np.ndarray, num_queries: int
    ) -> None:
        self._lock = threading.Lock()
        self._num_positive = np.bincount(queries, minlength=num_queries)
        self._ends = np.cumsum(self._num_positive)
        # Sorted by query, and by score within it once they were merged: of
        # query q those before ends[q], its best item last.
        self._keys = _keys(queries, scores, 0)
        self._found = []
        self._num_found = 0
        self._some = np.flatnonzero(self._num_positive)
        self._starts = (self._ends - self._num_positive)[self._some]
        # Infinity, which nothing reaches, where there is no positive.
        self._best = np.full(num_queries, np.inf, np.float32)
        self._best[self._some] = np.maximum.reduceat(scores, self._starts)
        self._num_before_best = np.zeros(num_queries, np.int64)
        self._floor = np.full(num_queries, np.inf, np.float32)
        self._floor[self._some] = np.minimum.reduceat(scores, self._starts)

    def add(self, scores: np.ndarray, query_axis: int = 0) -> None:
        """Counts more negatives.

        Args:
            scores: `(num_queries, M)` float32 array of scores of M negatives,
                or its transpose; -infinity is never counted.
            query_axis: 0, or 1 for the transpose.
        """
        before = _count_by_query(scores, self._best, query_axis)
        reaching = scores >= _across(self._floor, query_axis)
        num_found = np.count_nonzero(reaching)
        # Finding takes longer than sorting where a sixth of all is found.
        if num_found > max(2 * len(self._keys), scores.size // 6):
            self._raise_floor(scores, query_axis)
            reaching = scores >= _across(self._floor, query_axis)
        found = np.flatnonzero(reaching)
        rows = found // scores.shape[1]
        queries = found - rows * scores.shape[1] if query_axis else rows
        keys = _keys(queries, scores.reshape(-1)[found], 1)
        with self._lock:
            self._num_before_best += before
            self._found.append(keys)
            self._num_found += len(keys)
            if self._num_found > len(self._keys):
                self._keep_best()

    def result(self) -> tuple[np.ndarray, ...]:
        """Returns the standing of each query once all negatives are in.

        Returns:
            Tuple of four `(num_queries,)` arrays: the number R of positives,
            the rank of the best, the number of positives of rank up to R, and
            `sum i / rank_i` over these. The ranks of queries without a
            positive mean nothing.
        """
        self._keep_best()
        positive = self._keys & 1 ^ 1
        before = np.cumsum(positive)
        num_within = np.zeros_like(self._num_positive)
        num_within[self._some] = np.add.reduceat(positive, self._starts)
        # Read backwards: the item before a query's end has rank 1.
        place = positive - before
        place += np.repeat(np.cumsum(num_within), self._num_positive)
        rank = np.repeat(self._ends, self._num_positive)
        rank -= np.arange(len(rank))
        precision = np.zeros(len(num_within))
        precision[self._some] = np.add.reduceat(
            positive * place / rank, self._starts
        )
        best = self._num_before_best + 1
        return self._num_positive, best, num_within, precision

    def _keep_best(self):
        """Keeps the R best of what was kept and what was found since."""
        keys = np.concatenate([self._keys, *self._found])
        self._found, self._num_found = [], 0
        keys.sort()
        num_queries = len(self._ends)
        ends = np.searchsorted(keys, np.arange(1, num_queries + 1) << 33)
        # Moves the last R of each query to where its keys are kept.
        moved = np.repeat(ends - self._ends, self._num_positive)
        moved += np.arange(len(moved))
        self._keys = keys[moved]
        self._floor[self._some] = _scores(self._keys[self._starts])

    def _raise_floor(self, scores, query_axis):
        """Raises floors to what R of these negatives alone reach.

        Where j of each of n stretches reach a score, n * j of all do: sorting
        short stretches takes a third of the time of sorting whole rows.
        """
        rows = scores if query_axis == 0 else scores.T
        num_stretches = rows.shape[1] // _STRETCH
        if not num_stretches:
            return
        stretches = np.sort(
            rows[:, : num_stretches * _STRETCH].reshape(
                len(rows), num_stretches, _STRETCH
            )
        )
        depth = -(-self._num_positive // num_stretches)
        queries = np.flatnonzero((depth > 0) & (depth <= _STRETCH))
        least = stretches[queries, :, _STRETCH - depth[queries]].min(axis=1)
        with self._lock:
            self._floor[queries] = np.maximum(self._floor[queries], least)


def _keys(queries, scores, negative):
    """Integers in the order of (query, score, negative)."""
    # Adding 0 turns -0.0, which equals 0.0, into the same bits.
    ordered = _flip_negative((scores + np.float32(0)).view(np.int32))
    keys = queries << 32
    keys += ordered
    keys <<= 1
    keys += 2**32 + negative
    return keys


def _scores(keys):
    """Returns the scores that went into keys."""
    ordered = ((keys >> 1 & 0xFFFFFFFF) - 2**31).astype(np.int32)
    return _flip_negative(ordered).view(np.float32)


def _flip_negative(bits):
    """Makes bits of float32 order as integers, and back."""
    return bits ^ (bits >> 31 & 0x7FFFFFFF)


def _across(thresholds, query_axis):
    """Returns thresholds of queries so that they meet their scores."""
    return thresholds[:, None] if query_axis == 0 else thresholds


def _count_by_query(scores, thresholds, query_axis):
    """Counts the scores that reach their query's threshold.

    Adds bytes, across a row eight at once: a plain sum would widen each first.
    """
    rows, columns = scores.shape
    reaching = np.empty((rows, -(-columns // 8) * 8), np.uint8)
    reaching[:, columns:] = 0
    np.greater_equal(
        scores,
        _across(thresholds, query_axis),
        out=reaching[:, :columns].view(bool),
    )
    if query_axis == 0:
        words = reaching.view(np.uint64)
        parts = np.array_split(words, words.shape[1] // 256 + 1, axis=1)
        sums = [part.sum(axis=1).view(np.uint8) for part in parts]
        return sum(part.reshape(-1, 8).sum(axis=1, dtype=int) for part in sums)
    parts = np.array_split(reaching, rows // 256 + 1)
    sums = [np.add.reduce(part, axis=0, dtype=np.uint8) for part in parts]
    return np.sum(sums, axis=0, dtype=int)[:columns]
