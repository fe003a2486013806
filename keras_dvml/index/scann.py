"""Approximate search with ScaNN. The only file that imports it."""

import functools
import importlib
import logging
import math
import tempfile

import numpy as np
import tensorflow as tf

from keras_dvml.extras import install_command
from keras_dvml.index.exact import ExactIndex
from keras_dvml.index.gallery import checked_gallery
from keras_dvml.index.index import Index
from keras_dvml.index.recall import RecallMeasure, measure_recall
from keras_dvml.index.scann_files import parts_of, tensors_of, write_files
from keras_dvml.index.timing import median_seconds

_logger = logging.getLogger(__name__)

# Below this many points a partition saves nothing, and hashing has too little
# to learn from: ScaNN then scores every point.
_SMALLEST_TREE = 2048
# Measured best at 60,000 and at 500,000 points: with fewer leaves too much of
# each is scored for nothing, with more neighbours are torn apart. K-means has
# to see about as many points a leaf, or more leaves do harm.
_POINTS_PER_LEAF = 250
# Below this many ScaNN has nothing to offer.
_FEWEST_POINTS = 16
# How many candidates may be scored again exactly: the fastest of those that
# meet the floor is taken.
_REORDERED = (30, 60, 120, 240)
# Fewer queries are answered before a second thread is at work.
_FEWEST_IN_PARALLEL = 16


class ScannIndex(Index):
    """Searches a partition tree with anisotropic hashing and reordering.

    The number of leaves follows from the number of embeddings; how many of
    them are searched, and how many candidates are scored again exactly, is
    found by measurement: what meets `recall_floor` against exact search
    soonest. A SavedModel that holds this index loads only where ScaNN's
    operations are registered.

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

    def __init__(self, state, ids, metric="dot_product", recall_floor=0.95):
        super().__init__(ids, state.dataset.shape[1], metric)
        self.recall_floor = float(recall_floor)
        self._state = state
        self._num_leaves = 1 + int(np.max(_leaf_of_each(state)))
        self._leaves_to_search = self._num_leaves
        self._num_reordered = _REORDERED[-1]

    @classmethod
    def build(
        cls, embeddings, ids=None, *, metric="dot_product", recall_floor=0.95
    ):
        """Builds an index, and searches enough of it to meet a recall.

        Args:
            embeddings: `(N, dim)` float array, finite.
            ids: sequence of N unique str; by default the row numbers.
            metric: "dot_product" or "cosine".
            recall_floor: float in 0..1. Recall@10 against exact search that
                is reached.

        Raises:
            ImportError: If ScaNN is not installed.
            ValueError: As for every index.
        """
        embeddings, ids = checked_gallery(embeddings, ids, metric)
        searcher = _build_searcher(embeddings, _num_leaves(len(embeddings)))
        index = cls(searcher.serialize_to_module(), ids, metric, recall_floor)
        index.tune(recall_floor)
        return index

    def build_options(self):
        return {"recall_floor": self.recall_floor}

    @functools.cached_property
    def exact_is_better(self):
        """Whether exact search is the better choice on this machine.

        It is for fewer than 16 embeddings, and where it answers single
        queries as fast. The log says so too.
        """
        exact = ExactIndex.build(self.built_embeddings())
        seconds = [0, 0]
        if len(exact) >= _FEWEST_POINTS:
            seconds = median_seconds(
                [self.nearest, exact.nearest],
                [(query[None], 10) for query in exact.embeddings[:16]],
            )
        if seconds[1] > seconds[0]:
            return False
        _logger.warning(
            "exact search is the better choice for %d embeddings of %d "
            "dimensions: on this machine ScaNN is not faster",
            *(len(exact), self.dim),
        )
        return True

    def tune(self, recall_floor, queries=None):
        """Searches as much as meets another recall, without a new build.

        Args:
            recall_floor: float in 0..1. As for `build`.
            queries: `(Q, dim)` float array of queries like those to come, or
                `None` for stored embeddings.
        """
        self.recall_floor = float(recall_floor)
        if self._num_leaves == 1:
            return  # Every point is scored as it is.
        oracle = ExactIndex.build(self.embeddings, self.ids)
        measure = RecallMeasure(oracle, queries=queries)
        settings = []
        for num_reordered in _REORDERED:
            self._num_reordered = num_reordered
            if self._search_fewest_leaves(measure):
                settings.append((self._leaves_to_search, num_reordered))
        if settings:
            self._choose_fastest(settings, measure.queries[:32])
        # With every leaf searched, more candidates are all that helps. With
        # all points scored again the search is exact: any floor is met.
        while not settings and self._num_reordered < len(self):
            self._num_reordered = min(len(self), 2 * self._num_reordered)
            if self._search_fewest_leaves(measure):
                break
        _logger.info(
            "ScaNN: %d embeddings, %d of %d leaves searched, %d reordered",
            *(len(self), self._leaves_to_search, self._num_leaves),
            self._num_reordered,
        )

    def _search_fewest_leaves(self, measure):
        """Searches as few leaves as meet the floor; returns whether any do."""
        too_few, enough = 0, self._num_leaves
        self._leaves_to_search = enough
        if measure.of(self) < self.recall_floor:
            return False
        while enough - too_few > 1:
            self._leaves_to_search = (too_few + enough) // 2
            if measure.of(self) < self.recall_floor:
                too_few = self._leaves_to_search
            else:
                enough = self._leaves_to_search
        self._leaves_to_search = enough
        return True

    def _choose_fastest(self, settings, queries):
        def search_with(setting, query):
            self._leaves_to_search, self._num_reordered = setting
            self.nearest(query, 10)

        seconds = median_seconds(
            [functools.partial(search_with, setting) for setting in settings],
            [(query[None],) for query in queries],
        )
        fastest = settings[int(np.argmin(seconds))]
        self._leaves_to_search, self._num_reordered = fastest

    def lookup(self, queries, k):
        if self.metric == "cosine":
            queries = tf.math.l2_normalize(queries, axis=1)
        # A graph must make its searcher from the state it is saved with.
        searcher = _scann("scann_ops").searcher_from_module(self._state)

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

    def nearest(self, queries, k):
        # ScaNN's Python side answers sooner than its TensorFlow operation, but
        # not to no question at all.
        if not len(queries):
            return super().nearest(queries, k)
        rows, scores = self._found(queries, k, self._leaves_to_search)
        # Fewer than k come as fewer columns, or as NaN at the end of a row,
        # which is told soonest by a sum that it spoils.
        last = scores[:, -1]
        if scores.shape[1] < k or math.isnan(np.vdot(last, last)):
            return _padded(*self._found(queries, k, self._num_leaves), k)
        return rows, scores

    def _found(self, queries, k, leaves_to_search):
        settings = k, self._num_candidates(k), leaves_to_search
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
        python_side = _scann("scann_ops_pybind")
        with tempfile.TemporaryDirectory() as folder:
            assets = write_files(parts_of(self._state), folder)
            return python_side.ScannSearcher(
                python_side.scann_pybind.ScannNumpy(folder, assets)
            )

    def measured_recall(self):
        return measure_recall(self, ExactIndex.build(self.embeddings, self.ids))

    def built_embeddings(self):
        return self._state.dataset.numpy()

    def arrays(self):
        return {
            **parts_of(self._state),
            "leaves_to_search": np.asarray(self._leaves_to_search),
            "num_reordered": np.asarray(self._num_reordered),
            "recall_floor": np.asarray(self.recall_floor),
        }

    @classmethod
    def from_arrays(cls, arrays, ids, metric):
        state = _scann("scann_ops").ScannState(tensors_of(arrays))
        index = cls(state, ids, metric, arrays["recall_floor"])
        index._leaves_to_search = int(arrays["leaves_to_search"])
        index._num_reordered = int(arrays["num_reordered"])
        return index


def _padded(rows, scores, k):
    """Returns k columns, -1 and -inf where there is no result."""
    missing = np.isnan(scores)
    rows = np.where(missing, -1, rows.astype(np.int64))
    scores = np.where(missing, np.float32(-np.inf), scores)
    columns = [(0, 0), (0, k - rows.shape[1])]
    return (
        np.pad(rows, columns, constant_values=-1),
        np.pad(scores, columns, constant_values=-np.inf),
    )


def _scann(module):
    try:
        return importlib.import_module(f"scann.scann_ops.py.{module}")
    # ScaNN's operations are compiled against one release of TensorFlow and are
    # not found beside another.
    except (ImportError, tf.errors.NotFoundError) as error:
        raise ImportError(
            "ScannIndex needs ScaNN beside the TensorFlow that it was compiled "
            f"for: {install_command('scann')}. ExactIndex works without."
        ) from error


def _num_leaves(num_embeddings):
    if num_embeddings < _SMALLEST_TREE:
        return 1
    # A query is compared with every leaf's centre before it sees a point.
    root = math.sqrt(num_embeddings)
    return round(np.clip(num_embeddings / _POINTS_PER_LEAF, root, 4 * root))


def _leaf_of_each(state):
    """Returns the leaf of each embedding, 0 where there is no tree."""
    leaves = state.datapoint_to_token
    return leaves.numpy() if leaves.shape.rank else 0


def _build_searcher(embeddings, num_leaves):
    builder = _scann("scann_ops").builder(embeddings, 10, "dot_product")
    if num_leaves == 1:
        return builder.score_brute_force().build()
    num_trained = min(
        len(embeddings), max(100_000, num_leaves * _POINTS_PER_LEAF)
    )
    return (
        builder.tree(
            num_leaves=num_leaves,
            num_leaves_to_search=max(1, num_leaves // 10),
            training_sample_size=num_trained,
        )
        .score_ah(
            2,
            anisotropic_quantization_threshold=0.2,
            training_sample_size=min(len(embeddings), 100_000),
        )
        .reorder(100)
        .build()
    )
