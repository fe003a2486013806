"""Approximate search with ScaNN."""

import bisect
import functools
import logging
import math
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from keras_dvml.index import scann_library
from keras_dvml.index.exact import ExactIndex
from keras_dvml.index.gallery import checked_gallery
from keras_dvml.index.index import (
    Arrays,
    Index,
    Neighbours,
    NeighbourTensors,
)
from keras_dvml.index.recall import measure_recall, recall_against
from keras_dvml.index.timing import median_seconds
from keras_dvml.typing import Self

logger = logging.getLogger(__name__)

# Below this many points a partition saves nothing, and hashing has too little
# to learn from: ScaNN then scores every point.
_SMALLEST_TREE = 2048
# Measured best at 60,000 and at 500,000 points: with fewer leaves too much of
# each is scored for nothing, with more neighbours are torn apart.
_POINTS_PER_LEAF = 250
# How many candidates may be scored again exactly, at least; of those that meet
# the floor the cheapest is taken.
_FEWEST_REORDERED, _MOST_REORDERED = 30, 240
# How many hashed points take about as long as one that is scored again:
# measured 4 at 60,000 and 10 at 500,000 points.
_COST_OF_REORDERING = 8
# Fewer queries are answered before a second thread is at work.
_FEWEST_IN_PARALLEL = 16


class ScannIndex(Index):
    """Searches a partition tree with anisotropic hashing and reordering.

    The number of leaves follows from the number of embeddings; how many of
    them are searched, and how many candidates are scored again exactly, is
    the least work that meets `recall_floor` against exact search: the same
    embeddings give the same index. A SavedModel
    that holds this index loads only where ScaNN's operations are registered.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> embeddings = np.eye(32, dtype=np.float32)
        >>> index = kd.index.ScannIndex.build(embeddings)
        >>> ids, scores = index.search(embeddings[:1], k=1)
        >>> ids.tolist()
        [['0']]

    Reference:
        [Guo et al., 2020](https://arxiv.org/abs/1908.10396)
    """

    def __init__(
        self,
        state: Any,
        ids: ArrayLike,
        metric: str = "dot_product",
        recall_floor: float = 0.95,
    ) -> None:
        super().__init__(ids, state.dataset.shape[1], metric)
        self.recall_floor = float(recall_floor)
        self._state = state
        self._num_leaves = scann_library.num_leaves_of(state)
        self._leaves_to_search = self._num_leaves
        self._num_reordered = _MOST_REORDERED

    @classmethod
    def build(
        cls,
        embeddings: ArrayLike,
        ids: ArrayLike | None = None,
        *,
        metric: str = "dot_product",
        recall_floor: float = 0.95,
    ) -> Self:
        """Builds an index, and searches enough of it to meet a recall.

        Args:
            embeddings: `(N, dim)` float array, finite.
            ids: N unique str; by default the row numbers.
            metric: "dot_product" or "cosine".
            recall_floor: 0..1. Recall@10 against exact search that is reached.

        Raises:
            ImportError: If ScaNN is not installed.
            ValueError: As for every index.
        """
        embeddings, ids = checked_gallery(embeddings, ids, metric)
        num_leaves = _num_leaves(len(embeddings))
        state = scann_library.build_state(embeddings, num_leaves)
        index = cls(state, ids, metric)
        index.tune(recall_floor)
        return index

    def build_options(self) -> dict[str, Any]:
        return {**super().build_options(), "recall_floor": self.recall_floor}

    def measure_speedup(self, num_queries: int = 16) -> float:
        """Measures how much faster than exact search this machine answers.

        Args:
            num_queries: >= 1. Stored embeddings that are searched for, one at
                a time.

        Returns:
            The time of an `ExactIndex` over that of this index. Below 1, as
            for small galleries, the former is the better choice.
        """
        exact = ExactIndex.build(self.built_embeddings())
        k = min(10, len(exact))
        queries = self.built_embeddings()[:num_queries]
        of_exact, own = median_seconds(
            [exact.nearest, self.nearest],
            [(query[None], k) for query in queries],
        )
        return of_exact / own

    def tune(
        self, recall_floor: float, queries: ArrayLike | None = None
    ) -> None:
        """Searches as much as meets another recall, without a new build.

        Args:
            recall_floor: 0..1. As for `build`.
            queries: `(Q, dim)` float array of queries like those to come, or
                `None` for stored embeddings.
        """
        self.recall_floor = float(recall_floor)
        if self._num_leaves == 1:
            return  # Every point is scored as it is.
        oracle = ExactIndex.build(self.embeddings, self.ids)
        recall_of = recall_against(oracle, queries=queries)
        settings, num_reordered = [], min(len(self), _FEWEST_REORDERED)
        are_all = False
        # With every leaf searched, more candidates are all that helps.
        while not (are_all or settings and num_reordered > _MOST_REORDERED):
            self._num_reordered = num_reordered
            leaves = self._fewest_leaves(recall_of)
            # Of all points scored again, what is missing is rounding.
            are_all = num_reordered == len(self)
            if leaves or are_all:
                settings.append((leaves or self._num_leaves, num_reordered))
            num_reordered = min(len(self), 2 * num_reordered)
        best = min(settings, key=self._cost)
        self._leaves_to_search, self._num_reordered = best
        logger.info(
            "ScaNN: %d embeddings, %d of %d leaves searched, %d reordered",
            len(self),
            self._leaves_to_search,
            self._num_leaves,
            self._num_reordered,
        )

    def _fewest_leaves(self, recall_of):
        """Returns how few leaves meet the floor, 0 where not even all do."""

        def meets_floor(num_leaves):
            self._leaves_to_search = num_leaves
            return recall_of(self) >= self.recall_floor

        if not meets_floor(self._num_leaves):
            return 0
        fewer = range(1, self._num_leaves)
        return 1 + bisect.bisect_left(fewer, True, key=meets_floor)

    def _cost(self, setting):
        """Work of a query, in hashed points that are scored."""
        leaves, num_reordered = setting
        points_per_leaf = len(self) / self._num_leaves
        return leaves * points_per_leaf + _COST_OF_REORDERING * num_reordered

    def lookup(self, queries: tf.Tensor, k: int) -> NeighbourTensors:
        if self.metric == "cosine":
            queries = tf.math.l2_normalize(queries, axis=1)
        # A graph must make its searcher from the state it is saved with.
        searcher = scann_library.graph_searcher(self._state)

        def found(leaves_to_search):
            rows, scores = searcher.search_batched_parallel(
                queries,
                final_num_neighbors=k,
                pre_reorder_num_neighbors=self._num_candidates(k),
                leaves_to_search=leaves_to_search,
            )
            # Fewer than k come as fewer columns, or within a batch as NaN.
            missing = tf.math.is_nan(scores)
            rows = tf.where(missing, -1, rows)
            scores = tf.where(missing, -np.inf, scores)
            columns = [[0, 0], [0, k - tf.shape(rows)[1]]]
            return (
                tf.pad(rows, columns, constant_values=-1),
                tf.pad(scores, columns, constant_values=-np.inf),
            )

        rows, scores = found(self._leaves_to_search)
        if self._leaves_to_search < self._num_leaves:
            # The leaves searched may hold fewer than k points.
            rows, scores = tf.cond(
                tf.reduce_all(rows >= 0),
                lambda: (rows, scores),
                lambda: found(self._num_leaves),
            )
        shape = (queries.shape[0], k)
        return tf.ensure_shape(rows, shape), tf.ensure_shape(scores, shape)

    def nearest(self, queries: np.ndarray, k: int) -> Neighbours:
        # ScaNN's Python side answers sooner than its TensorFlow operation, but
        # not to no question at all.
        if len(queries):
            rows, scores = self._found(queries, k)
            # Fewer than k come as fewer columns, or as NaN at the end of a row,
            # which shows soonest in a sum that it spoils.
            last = scores[:, -1]
            if scores.shape[1] == k and not math.isnan(np.vdot(last, last)):
                return rows, scores
        return super().nearest(queries, k)

    def _found(self, queries, k):
        settings = k, self._num_candidates(k), self._leaves_to_search
        if len(queries) == 1:
            rows, scores = self._searcher.search(queries[0], *settings)
            return rows[None], scores[None]
        if len(queries) < _FEWEST_IN_PARALLEL:
            return self._searcher.search_batched(queries, *settings)
        return self._searcher.search_batched_parallel(queries, *settings)

    def _num_candidates(self, k):
        return max(self._num_reordered, 2 * k)

    @functools.cached_property
    def _searcher(self):
        return scann_library.python_searcher(self._state)

    def measured_recall(self) -> float:
        return measure_recall(self, ExactIndex.build(self.embeddings, self.ids))

    def built_embeddings(self) -> np.ndarray:
        return self._state.dataset.numpy()

    def arrays(self) -> Arrays:
        return {
            **scann_library.arrays_of(self._state),
            "leaves_to_search": np.asarray(self._leaves_to_search),
            "num_reordered": np.asarray(self._num_reordered),
            "recall_floor": np.asarray(self.recall_floor),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, ids: np.ndarray, metric: str) -> Self:
        state = scann_library.state_of(arrays)
        if state.dataset.shape.rank != 2:
            raise ValueError(
                f"it has embeddings of shape {state.dataset.shape}"
            )
        index = cls(state, ids, metric, float(arrays["recall_floor"]))
        index._leaves_to_search = int(arrays["leaves_to_search"])
        index._num_reordered = int(arrays["num_reordered"])
        if not 1 <= index._leaves_to_search <= index._num_leaves:
            raise ValueError(
                f"it searches {index._leaves_to_search} of "
                f"{index._num_leaves} leaves"
            )
        return index


def _num_leaves(num_embeddings):
    if num_embeddings < _SMALLEST_TREE:
        return 1
    # A query is compared with every leaf's centre before it sees a point.
    root = math.sqrt(num_embeddings)
    return round(np.clip(num_embeddings / _POINTS_PER_LEAF, root, 4 * root))
