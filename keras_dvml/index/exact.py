"""Exact search with plain TensorFlow operations."""

import functools
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from keras_dvml.arguments import check_one_of
from keras_dvml.embeddings import QUERIES_AT_ONCE, blocks
from keras_dvml.index.best_rows import best_rows, best_rows_left
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

    def nearest_left(
        self, queries: np.ndarray, k: int, removed: np.ndarray
    ) -> Neighbours:
        return best_rows_left(queries, self._stored, k, self._factors, removed)

    @property
    def _factors(self):
        return self._scales if self.storage == "int8" else None

    @functools.cached_property
    def _rows(self):
        """The stored numbers as an array, over the memory of the variable."""
        stored = np.frombuffer(self._stored.value(), np.float32)
        return stored.reshape(-1, self.dim)

    def lookup(self, queries: tf.Tensor, k: int) -> NeighbourTensors:
        if self.metric == "cosine":
            queries = tf.math.l2_normalize(queries, axis=1)
        return best_rows(queries, self._stored, k, self._factors)

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
        stored, scales = arrays["stored"], arrays["scales"]
        check_one_of(STORAGES, storage=stored.dtype.name)
        if stored.ndim != 2 or scales.shape != stored.shape[:1]:
            raise ValueError(
                f"it has embeddings of shape {stored.shape} and scales of "
                f"shape {scales.shape}"
            )
        return cls(ids=ids, metric=metric, **arrays)
