"""How far scores would move on other classes of the same kind.

Bootstrap over classes: as many classes as there are, drawn with replacement,
each with all its queries; what a query finds in the gallery stays as it is.
Queries of a class resemble each other, so drawing queries would promise more
certainty than there is.
"""

from typing import NamedTuple

import numpy as np

from keras_dvml.arguments import check_count
from keras_dvml.evaluation.clustering_draws import clustering_of_draws
from keras_dvml.evaluation.ranks import query_scores
from keras_dvml.evaluation.retrieval import RetrievalScores

# Drawn at once, so that classes x draws stay small.
_DRAWS_AT_ONCE = 100


class Interval(NamedTuple):
    """Where a score lies with the level of confidence asked for.

    Example:
        >>> import keras_dvml as kd
        >>> kd.evaluation.mean_interval([1.0, 1.0, 1.0])
        Interval(low=1.0, high=1.0)
    """

    low: float
    high: float


class Difference(NamedTuple):
    """A score minus another's, and the interval in which it lies.

    Example:
        >>> import keras_dvml as kd
        >>> kd.evaluation.Difference(0.5, low=0.4, high=0.6).difference
        0.5
    """

    difference: float
    low: float
    high: float


def mean_interval(
    values: np.ndarray,
    group_size: int = 1,
    *,
    level: float = 0.95,
    num_draws: int = 1000,
    seed: int = 0,
) -> Interval:
    """Interval of a mean over the choice of what was measured.

    Groups of values are drawn with replacement, as many as there are. Values
    of one group resemble each other: drawn by themselves they would promise
    more certainty than there is.

    Args:
        values: `(N,)` array; those of a group are next to each other.
        group_size: >= 1. Values in each group.
        level: In (0, 1). Share of intervals that hold the true mean.
        num_draws: >= 1. How often groups are drawn.
        seed: Seed of the draws.

    Raises:
        ValueError: If values are not groups of that size, or level or
            num_draws is out of range.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> low, high = kd.evaluation.mean_interval(np.arange(100) % 2)
        >>> 0.3 < low < 0.5 < high < 0.7
        True

    Reference:
        [Efron, 1979](https://doi.org/10.1214/aos/1176344552)
    """
    _check_settings(level, num_draws)
    check_count(1, group_size=group_size)
    if not np.size(values) or np.size(values) % group_size:
        raise ValueError(
            f"values must be one or more groups of {group_size}, group_size; "
            f"received {np.size(values)}"
        )
    means = np.reshape(values, (-1, group_size)).mean(axis=1)
    shape = (num_draws, len(means))
    drawn = np.random.default_rng(seed).integers(len(means), size=shape)
    ends = [50 - 50 * level, 50 + 50 * level]
    low, high = np.percentile(means[drawn].mean(axis=1), ends)
    return Interval(float(low), float(high))


def bootstrap_intervals(
    scores: RetrievalScores,
    level: float = 0.95,
    num_draws: int = 1000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Intervals of scores over the choice of test classes.

    `score + quantiles(drawn - mean(drawn))`, cut off where no score lies.

    Args:
        scores: As from `evaluate_retrieval`.
        level: In (0, 1). Share of intervals that hold the true score.
        num_draws: >= 1. How often classes are drawn.
        seed: Seed of the draws.

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
    intervals = {}
    for name, drawn in _draw(scores, num_draws, seed).items():
        least = -1.0 if name == "ami" else 0.0
        low, high = np.clip(scores[name] + _spread(drawn, level), least, 1.0)
        intervals[name] = Interval(float(low), float(high))
    return intervals


def compare_retrieval(
    scores: RetrievalScores,
    others: RetrievalScores,
    level: float = 0.95,
    num_draws: int = 1000,
    seed: int = 0,
) -> dict[str, Difference]:
    """Differences between two models on the same queries, with intervals.

    Paired: both are judged on the same draws of classes, so that what is hard
    for both cancels out, and the interval is narrower than those of the
    scores. Where it holds 0, these classes cannot show which is better.

    Args:
        scores: Of one model.
        others: Of another, on the same queries in order.
        level: In (0, 1). Share of intervals that hold the true value.
        num_draws: >= 1. How often classes are drawn.
        seed: Seed of the draws.

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
    queries, other_queries = scores.ranks.queries, others.ranks.queries
    if not np.array_equal(queries, other_queries):
        raise ValueError(
            "others must come from the same queries as scores; received "
            f"{len(other_queries)} and {len(queries)} queries that count, not "
            "the same rows"
        )
    if not np.array_equal(scores.labels, others.labels):
        raise ValueError(
            "others must come from the same queries as scores; received other "
            "labels"
        )
    if scores.keys().isdisjoint(others):
        raise ValueError(
            "others must have a score that scores has; received "
            f"{', '.join(others)} and {', '.join(scores)}"
        )
    drawn = _draw(scores, num_draws, seed)
    of_others = _draw(others, num_draws, seed)
    differences = {}
    for name in drawn:
        if name in of_others:
            difference = scores[name] - others[name]
            spread = _spread(drawn[name] - of_others[name], level)
            low, high = difference + spread
            differences[name] = Difference(difference, float(low), float(high))
    return differences


def _spread(values, level):
    """Quantiles around the mean: their bias is not that of the sample.

    Where a few draws are far out, as when all of a class lie in a single
    cluster, the mean may lie beyond a quantile: the spread then ends at 0.
    """
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail]) - values.mean()
    return np.array([min(low, 0.0), max(high, 0.0)])


def _draw(scores, num_draws, seed):
    """Returns name to `(num_draws,)` scores on drawn classes."""
    labels, classes = np.unique(scores.labels, return_inverse=True)
    query_classes = classes.reshape(-1)[scores.ranks.queries]
    # A draw without a single query has no score.
    sizes = np.bincount(query_classes, minlength=len(labels))
    candidates = np.flatnonzero(sizes)
    even = np.full(len(candidates), 1 / len(candidates))
    # Means over queries, each as often as its class was drawn.
    sums = {
        name: np.bincount(query_classes, values, minlength=len(labels))
        for name, values in query_scores(scores.ranks, scores.ks).items()
    }
    clustering_of = None
    if scores.clusters is not None:
        clustering_of = clustering_of_draws(scores.labels, scores.clusters)
    random = np.random.default_rng(seed)
    parts = []
    for start in range(0, num_draws, _DRAWS_AT_ONCE):
        number = min(_DRAWS_AT_ONCE, num_draws - start)
        counts = np.zeros((number, len(labels)))
        times = random.multinomial(len(candidates), even, size=number)
        counts[:, candidates] = times
        num_queries = counts @ sizes
        drawn = {name: counts @ sums[name] / num_queries for name in sums}
        if clustering_of:
            drawn |= clustering_of(counts)
        parts.append(drawn)
    return {
        name: np.concatenate([part[name] for part in parts]) for name in scores
    }


def _check_settings(level, num_draws):
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1); received {level}")
    check_count(1, num_draws=num_draws)
