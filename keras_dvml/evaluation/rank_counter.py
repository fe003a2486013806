"""Ranks without sorting: how many items of other classes are in front."""

import threading

import numpy as np


class RankCounter:
    """Counts, for some queries, the negatives in front of their positives.

    With R positives s_1 >= .. >= s_R and n_i the negatives of score s_i or
    more, the i-th positive has rank i + n_i: a tie goes to the negative.

    n_1 is counted whatever it is. Of the others only ranks up to R matter to
    any score, so negatives are compared one by one only where they reach the
    query's floor: the lowest positive that may still have a rank up to R. The
    floors rise as negatives are added, and no negative is ever stored.

    Negatives may be added from several threads.

    Args:
        queries: `(P,)` int array in 0..num_queries-1. Each positive's query.
        scores: `(P,)` float32 array. Each positive's score.
        num_queries: int. Rows, of which some may have no positive.
    """

    def __init__(self, queries, scores, num_queries):
        self._lock = threading.Lock()
        # Sorted by query, and by score within it: query q has keys
        # starts[q]..starts[q + 1] - 1, the best one last.
        self._keys = np.sort(_keys(queries, scores))
        counts = np.bincount(queries, minlength=num_queries)
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._num_positive = counts
        # Negatives by the highest positive that they reach.
        self._reached = np.zeros(len(self._keys), np.int64)
        self._num_before_best = np.zeros(num_queries, np.int64)
        self._best = self._scores_at(np.minimum(counts, 1))
        # How many positives, the best ones, may still have a rank up to R.
        self._num_within = counts
        self._floor = self._scores_at(counts)
        self._num_since_raise = 0

    def add(self, scores, query_axis=0):
        """Counts more negatives.

        Args:
            scores: `(num_queries, M)` float32 array of scores of M negatives,
                or its transpose; -infinity is never counted.
            query_axis: 0, or 1 for the transpose.
        """
        before = _count_by_query(scores, self._best, query_axis)
        reaching = scores >= _across(self._floor, query_axis)
        if np.count_nonzero(reaching) > len(self._keys):
            within = self._within_by(scores, query_axis)
            with self._lock:
                self._raise_floor(within)
            reaching = scores >= _across(self._floor, query_axis)
        found = np.flatnonzero(reaching)
        queries = np.unravel_index(found, scores.shape)[query_axis]
        keys = _keys(queries, scores.reshape(-1)[found])
        # All of them reach the lowest positive of their query. A few look for
        # their place among the positives; of many it is faster the other way.
        if 4 * len(keys) < len(self._keys):
            reached = np.searchsorted(self._keys, keys, side="right") - 1
            times = 1
        else:
            keys.sort()
            ends = np.append(np.searchsorted(keys, self._keys), len(keys))
            reached, times = slice(None), np.diff(ends)
        with self._lock:
            self._num_before_best += before
            np.add.at(self._reached, reached, times)
            self._num_since_raise += len(keys)
            # Raising takes a look at each positive: once for as many finds.
            if self._num_since_raise >= len(self._keys):
                self._raise_floor(self._within_by_counts())

    def result(self):
        """Returns the standing of each query once all negatives are in.

        Returns:
            Tuple of four `(num_queries,)` arrays: the number R of positives,
            the rank of the best, the number of positives of rank up to R, and
            `sum i / rank_i` over these. The ranks of queries without a
            positive mean nothing.
        """
        self._raise_floor(self._within_by_counts())
        num_within = self._num_within
        ends = self._starts[1:]
        queries = np.repeat(np.arange(len(ends)), num_within)
        last = np.repeat(np.cumsum(num_within), num_within)
        place = last - np.arange(len(queries))
        negatives = self._num_in_front()[ends[queries] - place]
        precision = np.bincount(
            queries, place / (place + negatives), minlength=len(ends)
        )
        best = self._num_before_best + 1
        return self._num_positive, best, num_within, precision

    def _raise_floor(self, num_within):
        self._num_within = np.minimum(self._num_within, num_within)
        self._floor = self._scores_at(self._num_within)
        self._num_since_raise = 0

    def _within_by(self, scores, query_axis):
        """Positives whose rank may be up to R, as these negatives alone say.

        Bisects, so that it need not compare negatives one by one.
        """
        least = np.zeros_like(self._num_positive)
        most = self._num_within
        while (least < most).any():
            middle = (least + most + 1) // 2
            negatives = _count_by_query(
                scores, self._scores_at(middle), query_axis
            )
            within = middle + negatives <= self._num_positive
            least = np.where(within, middle, least)
            most = np.where(within, most, middle - 1)
        return least

    def _within_by_counts(self):
        """Positives whose rank may be up to R, as all negatives so far say."""
        # The j-th from below has R - j positives in front (j = 0..R-1).
        first = np.repeat(self._starts[:-1], self._num_positive)
        from_below = np.arange(len(self._keys)) - first
        within = self._num_in_front() <= from_below
        # Below the floor, negatives were not counted.
        num_below = self._num_positive - self._num_within
        within &= from_below >= np.repeat(num_below, self._num_positive)
        total = np.concatenate([[0], np.cumsum(within)])
        return np.diff(total[self._starts])

    def _num_in_front(self):
        """Negatives in front of each positive from the floor upwards."""
        below = np.concatenate([[0], np.cumsum(self._reached)])
        at_end = np.repeat(below[self._starts[1:]], self._num_positive)
        return at_end - below[:-1]

    def _scores_at(self, places):
        """Scores of each query's i-th best positive; infinity for i = 0."""
        scores = np.full(len(places), np.inf, np.float32)
        some = places > 0
        keys = self._keys[self._starts[1:][some] - places[some]]
        ordered = ((keys & 0xFFFFFFFF) - 2**31).astype(np.int32)
        scores[some] = _flip_negative(ordered).view(np.float32)
        return scores


def _keys(queries, scores):
    """Integers in the order of (query, score)."""
    # Adding 0 turns -0.0, which equals 0.0, into the same bits.
    ordered = _flip_negative((scores + np.float32(0)).view(np.int32))
    return (queries.astype(np.int64) << 32) + ordered + 2**31


def _flip_negative(bits):
    """Makes bits of float32 order as integers, and back."""
    return np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)


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
        return sum(one.reshape(-1, 8).sum(axis=1, dtype=int) for one in sums)
    parts = np.array_split(reaching, rows // 256 + 1)
    sums = [np.add.reduce(part, axis=0, dtype=np.uint8) for part in parts]
    return sum(one.astype(int) for one in sums)[:columns]
