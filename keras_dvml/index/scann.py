"""Approximate search with ScaNN. The only file that imports it."""

import functools
import logging
import math

import numpy as np
import tensorflow as tf

from keras_dvml.index.exact import ExactIndex
from keras_dvml.index.index import Index, checked_gallery
from keras_dvml.index.recall import measure_recall

_logger = logging.getLogger(__name__)

# Below this many points a partition saves nothing, and hashing has too little
# to learn from: ScaNN then scores every point.
_SMALLEST_TREE = 2048

_STATE = (
    "scann_config",
    "serialized_partitioner",
    "datapoint_to_token",
    "ah_codebook",
    "hashed_dataset",
    "int8_dataset",
    "int8_multipliers",
    "dp_norms",
    "dataset",
)


class ScannIndex(Index):
    """Searches a partition tree with anisotropic hashing and reordering.

    The number of leaves follows from the number of embeddings; how many of
    them are searched, and how many candidates are scored again exactly, is
    found by measurement: no more than reaches `recall_floor` against exact
    search. A SavedModel that holds this index loads only where ScaNN's
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

    def __init__(self, state, ids, leaves_to_search, num_reordered):
        super().__init__(ids, state.dataset.shape[1])
        self._state = state
        self._leaves_to_search = leaves_to_search
        self._num_reordered = num_reordered

    @classmethod
    def build(cls, embeddings, ids=None, recall_floor=0.95):
        """Builds an index, and searches enough of it to meet a recall.

        Args:
            embeddings: `(N, dim)` float array, finite.
            ids: sequence of N unique str; by default the row numbers.
            recall_floor: float in 0..1. Recall@10 against exact search that
                is reached.

        Raises:
            ImportError: If ScaNN is not installed.
            ValueError: As for every index.
        """
        embeddings, ids = checked_gallery(embeddings, ids)
        num_leaves = _num_leaves(len(embeddings))
        searcher = _build_searcher(embeddings, num_leaves)
        index = cls(
            searcher.serialize_to_module(),
            ids,
            leaves_to_search=max(1, num_leaves // 10),
            num_reordered=100,
        )
        index._tune(ExactIndex(embeddings, ids), num_leaves, recall_floor)
        return index

    def _tune(self, oracle, num_leaves, recall_floor):
        # Leaves first: they cost least. With all of them searched and all
        # points scored again the search is exact, so every floor is met.
        while (recall := measure_recall(self, oracle)) < recall_floor:
            if self._leaves_to_search < num_leaves:
                leaves = min(num_leaves, 2 * self._leaves_to_search)
                self._leaves_to_search = leaves
            elif self._num_reordered < len(self):
                self._num_reordered = min(len(self), 2 * self._num_reordered)
            else:
                break
        _logger.info(
            "ScaNN: %d embeddings, %d of %d leaves searched, %d reordered, "
            "recall@10 %.3f",
            *(len(self), self._leaves_to_search, num_leaves),
            *(self._num_reordered, recall),
        )

    @functools.cached_property
    def _searcher(self):
        return _scann_ops().searcher_from_module(self._state)

    def lookup(self, queries, k):
        # A graph must make its searcher from the state it is saved with.
        searcher = (
            self._searcher
            if tf.executing_eagerly()
            else _scann_ops().searcher_from_module(self._state)
        )
        rows, scores = searcher.search_batched(
            queries,
            final_num_neighbors=k,
            pre_reorder_num_neighbors=max(self._num_reordered, 10 * k),
            leaves_to_search=self._leaves_to_search,
        )
        # Few leaves may hold fewer than k points: fill up to k columns. Within
        # a batch ScaNN has done so up to the longest answer, with NaN.
        missing = tf.math.is_nan(scores)
        rows = tf.where(missing, -1, rows)
        scores = tf.where(missing, -np.inf, scores)
        columns = [[0, 0], [0, k - tf.shape(rows)[1]]]
        rows = tf.pad(rows, columns, constant_values=-1)
        scores = tf.pad(scores, columns, constant_values=-np.inf)
        shape = (queries.shape[0], k)
        return tf.ensure_shape(rows, shape), tf.ensure_shape(scores, shape)

    @property
    def embeddings(self):
        return self._state.dataset.numpy()

    def arrays(self):
        state = {}
        for name in _STATE:
            value = getattr(self._state, name).numpy()
            if np.asarray(value).dtype.kind not in "fiu":
                # NumPy's own byte strings lose trailing zeros.
                value = np.frombuffer(np.asarray(value).item(), np.uint8)
                name = f"{name}.bytes"
            state[name] = value
        return {
            **state,
            "ids": self.id_strings(),
            "leaves_to_search": np.asarray(self._leaves_to_search),
            "num_reordered": np.asarray(self._num_reordered),
        }

    @classmethod
    def from_arrays(cls, arrays):
        tensors = [
            tf.constant([arrays[f"{name}.bytes"].tobytes()])
            if f"{name}.bytes" in arrays
            else tf.constant(arrays[name])
            for name in _STATE
        ]
        state = _scann_ops().ScannState(tensors)
        return cls(
            state,
            arrays["ids"],
            int(arrays["leaves_to_search"]),
            int(arrays["num_reordered"]),
        )


def _scann_ops():
    try:
        from scann.scann_ops.py import scann_ops
    except ImportError as error:
        raise ImportError(
            "ScannIndex needs ScaNN: pip install keras_dvml[scann]. "
            "ExactIndex works without."
        ) from error
    return scann_ops


def _num_leaves(num_embeddings):
    if num_embeddings < _SMALLEST_TREE:
        return 1
    return round(math.sqrt(num_embeddings))


def _build_searcher(embeddings, num_leaves):
    builder = _scann_ops().builder(embeddings, 10, "dot_product")
    if num_leaves == 1:
        return builder.score_brute_force().build()
    num_trained = min(len(embeddings), 100_000)
    return (
        builder.tree(
            num_leaves=num_leaves,
            num_leaves_to_search=max(1, num_leaves // 10),
            training_sample_size=num_trained,
        )
        .score_ah(
            2,
            anisotropic_quantization_threshold=0.2,
            training_sample_size=num_trained,
        )
        .reorder(100)
        .build()
    )
