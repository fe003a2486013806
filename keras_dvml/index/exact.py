"""Exact search with plain TensorFlow operations."""

import functools
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from keras_dvml.arguments import check_one_of
from keras_dvml.embeddings import QUERIES_AT_ONCE, blocks
from keras_dvml.index.gallery import checked_gallery
from keras_dvml.index.index import (
    Arrays,
    Index,
    Neighbours,
    NeighbourTensors,
)
from keras_dvml.index.recall import measure_recall
from keras_dvml.index.storage import STORAGES, decode, encode
from keras_dvml.typing import Self

# Scores held at once, and numbers widened to float32 at once: 16 and 64 MB.
_SCORES_AT_ONCE = 1 << 22
_NUMBERS_AT_ONCE = 1 << 24
# Fewer rows at once would leave a product too little to do.
_LEAST_ROWS = 1024


class ExactIndex(Index):
    """Compares a query with every stored embedding.

    Serves in any TensorFlow Serving, and is the oracle of the approximate
    index. Memory beside the embeddings is bounded: they are compared in
    chunks.

    Example:
        >>> import keras_dvml as kd
        >>> index = kd.index.ExactIndex.build(
        ...     [[1.0, 0.0], [0.0, 1.0]], ids=["cat", "dog"]
        ... )
        >>> index.add([[0.6, 0.8]], ids=["fox"])
        >>> ids, scores = index.search([[0.6, 0.8]], k=2)
        >>> ids.tolist()
        [['fox', 'dog']]
    """

    def __init__(
        self,
        stored: np.ndarray,
        scales: np.ndarray,
        ids: ArrayLike,
        metric: str = "dot_product",
        recall: float = 1.0,
    ) -> None:
        super().__init__(ids, stored.shape[1], metric)
        self._num_rows = len(stored)
        self._stored = tf.Variable(tf.constant(stored), trainable=False)
        self._scales = tf.Variable(tf.constant(scales), trainable=False)
        self._recall = float(recall)

    @classmethod
    def build(
        cls,
        embeddings: ArrayLike,
        ids: ArrayLike | None = None,
        *,
        metric: str = "dot_product",
        storage: str = "float32",
    ) -> Self:
        """Builds an index.

        Args:
            embeddings: `(N, dim)` float array, finite.
            ids: N unique str; by default the row numbers.
            metric: "dot_product" or "cosine".
            storage: what the numbers are kept as. A score of an embedding e
                and a query q is off by at most
                - "float32", 4 bytes a number: rounding of the sum;
                - "float16", 2 bytes: also `|e| |q| / 2048`;
                - "int8", 1 byte, and 4 for the embedding's scale: also
                  `max(abs(e)) sqrt(dim) |q| / 254`.
                The smaller ones save memory, not time: numbers are widened to
                float32 before they are multiplied.

        Raises:
            ValueError: As for every index, and if storage is none of these.
        """
        check_one_of(STORAGES, storage=storage)
        embeddings, ids = checked_gallery(embeddings, ids, metric)
        index = cls(*encode(embeddings, storage), ids, metric)
        if storage != "float32":
            oracle = cls(*encode(embeddings, "float32"), ids, metric)
            index._recall = measure_recall(index, oracle)
        return index

    @property
    def storage(self) -> str:
        """What the numbers are kept as: "float32", "float16" or "int8"."""
        return self._stored.dtype.name

    def build_options(self) -> dict[str, Any]:
        return {**super().build_options(), "storage": self.storage}

    def nearest(self, queries: np.ndarray, k: int) -> Neighbours:
        if len(queries) == 1 and self.storage == "float32":
            # The product of a matrix and a vector is faster in NumPy.
            scores, rows = tf.math.top_k(self._rows @ queries[0], k)
            return rows.numpy()[None], scores.numpy()[None]
        parts = [
            Index.nearest(self, queries[rows], k)
            # Of no queries, one part that has none.
            for rows in blocks(max(1, len(queries)), QUERIES_AT_ONCE)
        ]
        rows, scores = zip(*parts, strict=True)
        return np.concatenate(rows), np.concatenate(scores)

    @functools.cached_property
    def _rows(self):
        """The stored numbers as an array, over the memory of the variable."""
        stored = np.frombuffer(self._stored.value(), np.float32)
        return stored.reshape(-1, self.dim)

    def lookup(self, queries: tf.Tensor, k: int) -> NeighbourTensors:
        if self.metric == "cosine":
            queries = tf.math.l2_normalize(queries, axis=1)
        num_rows, num_queries = self._num_rows, queries.shape[0]
        fits = num_rows <= _LEAST_ROWS or (
            num_queries is not None
            and self._stored.dtype == tf.float32
            and num_queries * num_rows <= _SCORES_AT_ONCE
        )
        if not fits:
            return self._lookup_in_chunks(queries, k)
        scores, rows = tf.math.top_k(self._scores(queries, 0, num_rows), k)
        return rows, scores

    def _lookup_in_chunks(self, queries, k):
        num_rows, num_queries = self._num_rows, tf.shape(queries)[0]
        size = _SCORES_AT_ONCE // tf.maximum(num_queries, 1)
        most = _NUMBERS_AT_ONCE // self.dim
        size = tf.clip_by_value(size, _LEAST_ROWS, most)

        def best_with_chunk(start, rows, scores):
            end = tf.minimum(start + size, num_rows)
            chunk_scores, chunk_rows = tf.math.top_k(
                self._scores(queries, start, end), tf.minimum(k, end - start)
            )
            scores = tf.concat([scores, chunk_scores], axis=1)
            rows = tf.concat([rows, chunk_rows + start], axis=1)
            scores, columns = tf.math.top_k(scores, k)
            return end, tf.gather(rows, columns, batch_dims=1), scores

        nothing = tf.fill([num_queries, k], -1)
        any_rows = tf.TensorShape([None, k])
        _, rows, scores = tf.while_loop(
            lambda start, *_: start < num_rows,
            best_with_chunk,
            (0, nothing, tf.fill([num_queries, k], -np.inf)),
            shape_invariants=(tf.TensorShape([]), any_rows, any_rows),
            # The next chunk's scores need the memory of this one's.
            parallel_iterations=1,
        )
        shape = (queries.shape[0], k)
        return tf.ensure_shape(rows, shape), tf.ensure_shape(scores, shape)

    def _scores(self, queries, start, end):
        chunk = tf.cast(self._stored[start:end], tf.float32)
        scores = tf.matmul(queries, chunk, transpose_b=True)
        if self._stored.dtype == tf.int8:
            scores *= self._scales[start:end]
        return scores

    def measured_recall(self) -> float:
        return self._recall

    def built_embeddings(self) -> np.ndarray:
        return decode(self._stored.numpy(), self._scales.numpy())

    def arrays(self) -> Arrays:
        return {
            "stored": self._stored.numpy(),
            "scales": self._scales.numpy(),
            "recall": np.asarray(self._recall),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, ids: np.ndarray, metric: str) -> Self:
        return cls(ids=ids, metric=metric, **arrays)
