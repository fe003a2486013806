"""How far scores would move on other classes of the same kind.

Bootstrap over classes: as many classes as there are, drawn with replacement,
each with all its queries; what a query finds in the gallery stays as it is.
Queries of a class resemble each other, so drawing queries would promise more
certainty than there is.
"""

from typing import NamedTuple

import numpy as np

from keras_dvml.evaluation.clustering_scores import Meetings

# Drawn at once, so that classes x draws stay small.
_DRAWS_AT_ONCE = 100


class Interval(NamedTuple):
    """Where a score lies with the level of confidence asked for."""

    low: float
    high: float


class Difference(NamedTuple):
    """A score minus another's, and the interval in which it lies."""

    difference: float
    low: float
    high: float


def bootstrap_intervals(scores, level=0.95, num_draws=1000, seed=0):
    """Intervals of scores over the choice of test classes.

    `score + quantiles(drawn - mean(drawn))`, cut off where no score lies.

    Args:
        scores: `RetrievalScores`, as from `evaluate_retrieval`.
        level: float in (0, 1). Share of intervals that hold the true score.
        num_draws: int >= 1. How often classes are drawn.
        seed: int. Seed of the draws.

    Returns:
        dict: name of each score to its `Interval`.

    Raises:
        ValueError: If level or num_draws is out of range.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> labels = np.repeat(np.arange(20), 5)
        >>> noise = np.random.default_rng(0).normal(size=(100, 20))
        >>> scores = kd.evaluation.evaluate_retrieval(
        ...     np.eye(20)[labels] + 0.3 * noise, labels
        ... )
        >>> interval = kd.evaluation.bootstrap_intervals(scores)["map@r"]
        >>> interval.low < scores["map@r"] < interval.high
        True

    Reference:
        [Efron, 1979](https://doi.org/10.1214/aos/1176344552)
    """
    _check_settings(level, num_draws)
    names = list(scores)
    drawn = _draw(scores, names, num_draws, seed)
    intervals = {}
    for name, values in zip(names, drawn, strict=True):
        least = -1.0 if name == "ami" else 0.0
        low, high = np.clip(scores[name] + _spread(values, level), least, 1.0)
        intervals[name] = Interval(float(low), float(high))
    return intervals


def compare_retrieval(scores, others, level=0.95, num_draws=1000, seed=0):
    """Differences between two models on the same queries, with intervals.

    Paired: both are judged on the same draws of classes, so that what is hard
    for both cancels out, and the interval is narrower than those of the
    scores. Where it holds 0, these classes cannot tell which is better.

    Args:
        scores: `RetrievalScores` of one model.
        others: `RetrievalScores` of another, on the same queries in order.
        level: float in (0, 1). Share of intervals that hold the true value.
        num_draws: int >= 1. How often classes are drawn.
        seed: int. Seed of the draws.

    Returns:
        dict: name of each score that both have to its `Difference`, positive
        where the first is better.

    Raises:
        ValueError: If queries or classes differ, no score is shared, or a
            setting is out of range.

    Example:
        >>> import keras_dvml as kd
        >>> labels = [0, 0, 1, 1]
        >>> good = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]]
        >>> bad = [[1.0, 0.0], [0.0, 1.0], [0.9, 0.1], [0.1, 0.9]]
        >>> evaluate = kd.evaluation.evaluate_retrieval
        >>> kd.evaluation.compare_retrieval(
        ...     evaluate(good, labels, (1,)), evaluate(bad, labels, (1,))
        ... )["recall@1"]
        Difference(difference=1.0, low=1.0, high=1.0)
    """
    _check_settings(level, num_draws)
    _check_same_queries(scores, others)
    names = [name for name in scores if name in others]
    if not names:
        raise ValueError(
            "the two have no score in common; received "
            f"{', '.join(scores)} and {', '.join(others)}"
        )
    drawn = _draw(scores, names, num_draws, seed)
    drawn -= _draw(others, names, num_draws, seed)
    differences = {}
    for name, values in zip(names, drawn, strict=True):
        difference = scores[name] - others[name]
        low, high = difference + _spread(values, level)
        differences[name] = Difference(difference, float(low), float(high))
    return differences


def _spread(values, level):
    """Quantiles around the mean: their bias says nothing of the sample.

    Where a few draws stand far out, as when all of a class lie in a single
    cluster, the mean may lie beyond a quantile: the spread then ends at 0.
    """
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail]) - values.mean()
    return np.array([min(low, 0.0), max(high, 0.0)])


def _draw(scores, names, num_draws, seed):
    """Returns `(len(names), num_draws)` scores on drawn classes."""
    labels, classes = np.unique(scores.labels, return_inverse=True)
    query_classes = classes.reshape(-1)[scores.ranks.queries]
    retrieval = _RetrievalOfDraws(scores, query_classes, len(labels))
    clustering = None
    if scores.clusters is not None:
        clustering = _ClusteringOfDraws(scores.labels, scores.clusters)
    # A draw without a single query has no score.
    candidates = np.flatnonzero(np.bincount(query_classes) > 0)
    random = np.random.default_rng(seed)
    parts = []
    for start in range(0, num_draws, _DRAWS_AT_ONCE):
        number = min(_DRAWS_AT_ONCE, num_draws - start)
        times = np.zeros((number, len(labels)))
        even = np.full(len(candidates), 1 / len(candidates))
        times[:, candidates] = random.multinomial(
            len(candidates), even, size=number
        )
        drawn = retrieval(times)
        if clustering:
            drawn.update(clustering(times))
        parts.append(np.stack([drawn[name] for name in names]))
    return np.concatenate(parts, axis=1)


class _RetrievalOfDraws:
    """Means over queries, each as often as its class was drawn."""

    def __init__(self, scores, query_classes, num_classes):
        ranks = scores.ranks
        values = {f"recall@{k}": ranks.best <= k for k in scores.ks}
        values["map@r"] = ranks.average_precision
        values["r_precision"] = ranks.num_within_r / ranks.num_positive
        values["mrr"] = 1 / ranks.best
        self._sizes = np.bincount(query_classes, minlength=num_classes)
        self._sums = {
            name: np.bincount(query_classes, one, minlength=num_classes)
            for name, one in values.items()
        }

    def __call__(self, times):
        """Maps `(draws, C)` times of each class to name -> `(draws,)`."""
        num_queries = times @ self._sizes
        return {
            name: times @ sums / num_queries
            for name, sums in self._sums.items()
        }


class _ClusteringOfDraws:
    """NMI, AMI and F1 of items as often as their class was drawn.

    A class drawn twice stays one class of twice the weight. No item is paired
    with its own copy, and what chance gives (AMI) stays as it is.
    """

    def __init__(self, labels, clusters):
        self._meetings = meetings = Meetings(labels, clusters)
        self._by_chance = meetings.expected_mutual_information()
        self._sizes = meetings.class_sizes
        counts, classes = meetings.counts, meetings.classes
        self._within = np.bincount(
            classes, counts * np.log(counts / self._sizes[classes])
        )
        self._pairs_in_both = np.bincount(classes, counts * (counts - 1) / 2)
        self._pairs_in_class = self._sizes * (self._sizes - 1) / 2

    def __call__(self, times):
        """Maps `(draws, C)` times of each class to name -> `(draws,)`."""
        meetings = self._meetings
        cluster_sizes = self._in_clusters(times, meetings.counts)
        total = times @ self._sizes
        # I = 1/N sum n_ck log(n_ck / n_c) - 1/N sum m_k log m_k + log N
        information = (times @ self._within) / total + _entropies(cluster_sizes)
        mean_entropy = (
            _entropies(times * self._sizes) + _entropies(cluster_sizes)
        ) / 2
        both = times @ self._pairs_in_both
        across = np.square(cluster_sizes) - self._in_clusters(
            np.square(times), np.square(meetings.counts)
        )
        in_cluster = across.sum(axis=1) / 2 + both
        return {
            "nmi": _ratio(information, mean_entropy),
            "ami": _ratio(
                information - self._by_chance, mean_entropy - self._by_chance
            ),
            "f1": 2 * both / (in_cluster + times @ self._pairs_in_class),
        }

    def _in_clusters(self, times, counts):
        """Returns `(draws, K)` weighted sums of counts."""
        from scipy import sparse

        meetings = self._meetings
        table = sparse.csr_matrix(
            (counts.astype(float), (meetings.clusters, meetings.classes)),
            shape=(len(meetings.cluster_sizes), len(self._sizes)),
        )
        return (table @ times.T).T


def _entropies(sizes):
    shares = sizes / sizes.sum(axis=1, keepdims=True)
    return -np.sum(shares * np.log(np.where(shares > 0, shares, 1)), axis=1)


def _ratio(above, below):
    """Quotients, 1 where both are 0: there was nothing to get wrong."""
    some = np.abs(below) > 1e-12
    return np.where(some, above / np.where(some, below, 1), 1.0)


def _check_settings(level, num_draws):
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1); received {level}")
    if num_draws < 1:
        raise ValueError(f"num_draws must be at least 1; received {num_draws}")


def _check_same_queries(scores, others):
    if not np.array_equal(scores.ranks.queries, others.ranks.queries):
        raise ValueError(
            "scores and others must come from the same queries; received "
            f"{len(scores.ranks.queries)} and {len(others.ranks.queries)} "
            "queries that count, not the same rows"
        )
    if not np.array_equal(scores.labels, others.labels):
        raise ValueError(
            "scores and others must come from the same queries; their labels "
            "differ"
        )
