"""What every index keeps to."""

import abc
import os
import threading
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from keras_dvml.arguments import check_in_range, check_one_of
from keras_dvml.embeddings import check_finite, unit_length
from keras_dvml.index.changes import Changes
from keras_dvml.index.deeper_search import deeper_search
from keras_dvml.index.gallery import METRICS
from keras_dvml.index.index_file import (
    named_if_broken,
    read_arrays,
    write_arrays,
)
from keras_dvml.index.text_ids import text_ids
from keras_dvml.typing import Self

# From names to arrays.
Arrays = dict[str, Any]
# Rows or ids, best first, and their scores.
Neighbours = tuple[np.ndarray, np.ndarray]
NeighbourTensors = tuple[tf.Tensor, tf.Tensor]

# One thread at a time changes an index; a search keeps to the changes it began
# with. One lock for all: an index can be copied, a lock cannot.
_CHANGING = threading.Lock()


class Index(tf.Module, abc.ABC):
    """Finds the stored embeddings most similar to a query.

    A subclass stores what it is built of in TensorFlow variables, so that a
    SavedModel can hold it. What is added or removed afterwards counts at once
    in `search`: it is kept beside the built part, until `rebuilt` gives an
    index that is built of everything.

    Attributes:
        dim: Width of the embeddings.
        metric: "dot_product" or "cosine". For embeddings of unit length the
            two are the same.

    Example:
        >>> import keras_dvml as kd
        >>> index = kd.index.ExactIndex.build([[1.0, 0.0], [0.0, 1.0]])
        >>> isinstance(index, kd.index.Index)
        True
        >>> index
        ExactIndex(size=2, dim=2, metric='dot_product', storage='float32')
    """

    def __init__(self, ids: ArrayLike, dim: int, metric: str) -> None:
        super().__init__()
        self.dim = int(dim)
        self.metric = metric
        ids = text_ids(ids)
        self._built_ids = tf.Variable(tf.constant(ids), trainable=False)
        self._changes = Changes(ids, np.empty((0, self.dim), np.float32))

    @classmethod
    @abc.abstractmethod
    def build(
        cls,
        embeddings: ArrayLike,
        ids: ArrayLike | None = None,
        *,
        metric: str = "dot_product",
    ) -> Self:
        """Builds an index.

        Args:
            embeddings: `(N, dim)` float array, finite.
            ids: N unique str, or bytes in UTF-8, of any length; by default the
                row numbers.
            metric: "dot_product" or "cosine".

        Raises:
            ValueError: If there are no embeddings, some are not finite, ids
                repeat, are empty, missing or differ in number, or the metric
                is neither; and with "cosine" if an embedding is zero.
        """

    @abc.abstractmethod
    def lookup(self, queries: tf.Tensor, k: int) -> NeighbourTensors:
        """Finds neighbours in the built part, inside a graph or outside.

        Args:
            queries: `(Q, dim)` float32 tensor.
            k: 1..(number of embeddings built).

        Returns:
            Tuple of `(Q, k)` int32 row numbers, best first, and `(Q, k)`
            float32 scores. Where fewer were found, -1 and -inf.
        """

    @abc.abstractmethod
    def measured_recall(self) -> float:
        """Returns the recall@10 against exact search in float32, 0..1."""

    @abc.abstractmethod
    def built_embeddings(self) -> np.ndarray:
        """Returns the float32 embeddings of the built part."""

    @abc.abstractmethod
    def arrays(self) -> Arrays:
        """Returns what the built part is, by name."""

    @classmethod
    @abc.abstractmethod
    def from_arrays(cls, arrays: Arrays, ids: np.ndarray, metric: str) -> Self:
        """Makes an index from what `arrays` returned."""

    def build_options(self) -> dict[str, Any]:
        """Returns the keyword arguments that `build` was called with."""
        return {"metric": self.metric}

    def __len__(self) -> int:
        return self._changes.num_items

    def __repr__(self) -> str:
        facts = {"size": len(self), "dim": self.dim, **self.build_options()}
        shown = ", ".join(f"{name}={facts[name]!r}" for name in facts)
        return f"{type(self).__name__}({shown})"

    @property
    def ids(self) -> np.ndarray:
        """`(N,)` object array of str, the id of each embedding it holds."""
        return self._changes.live_ids()

    @property
    def embeddings(self) -> np.ndarray:
        """`(N, dim)` float32 embeddings, in the order of `ids`."""
        return self._changes.live_rows(self.built_embeddings())

    @property
    def is_changed(self) -> bool:
        """Whether anything was added or removed since it was built."""
        return self._changes.any

    def add(self, embeddings: ArrayLike, ids: ArrayLike) -> None:
        """Adds items; the next search finds them.

        They are compared one by one with each query: after many additions
        `rebuilt` gives a faster index. Threads may add, remove and search at
        the same time.

        Args:
            embeddings: `(M, dim)` float array, finite.
            ids: M unique str that the index does not hold.

        Raises:
            ValueError: As for `build`, and if the index holds an id already.
                Nothing is added then.
        """
        with _CHANGING:
            self._changes = self._changes.with_added(
                embeddings, ids, self.metric
            )

    def remove(self, ids: ArrayLike) -> None:
        """Removes items; no later search returns them.

        Args:
            ids: Unique str that the index holds.

        Raises:
            ValueError: If the index does not hold one. Nothing is removed
                then.
        """
        with _CHANGING:
            self._changes = self._changes.with_removed(ids)

    def rebuilt(self) -> Self:
        """Returns an index built of what this one holds, itself if unchanged.

        Raises:
            ValueError: If everything was removed.
        """
        if not self.is_changed:
            return self
        return self.build(self.embeddings, self.ids, **self.build_options())

    def search(self, queries: ArrayLike, k: int = 10) -> Neighbours:
        """Finds the k most similar embeddings of each query.

        Args:
            queries: `(Q, dim)` or `(dim,)` float array.
            k: 1..N, where N counts what was removed since building.

        Returns:
            Tuple of `(Q, k)` object array of str ids, best first, and `(Q, k)`
            float32 scores. Where fewer are left, "" and -inf.

        Raises:
            ValueError: If k is out of range, or queries have another width or
                are not finite, or are longer than 1.8e19.
        """
        queries = np.asarray(queries, np.float32)
        if queries.ndim == 1:
            queries = queries[None]
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise ValueError(
                f"queries must be (Q, {self.dim}); received shape "
                f"{queries.shape}"
            )
        check_finite(queries, "queries")
        self.check_k(k)
        if self.metric == "cosine":
            queries = unit_length(queries)
        changes = self._changes
        if not changes.any:
            rows, scores = self.nearest(queries, k)
        else:
            rows, scores = changes.nearest(self, queries, k)
        return changes.names.take(rows), scores

    def nearest(self, queries: np.ndarray, k: int) -> Neighbours:
        """Does for arrays what `lookup` does for tensors.

        Args:
            queries: `(Q, dim)` finite float32 array, as the metric wants it.
            k: 1..(number of embeddings built).

        Returns:
            As `lookup`, as arrays.
        """
        rows, scores = self.lookup(tf.constant(queries), k)
        return rows.numpy(), scores.numpy()

    def nearest_left(
        self, queries: np.ndarray, k: int, removed: np.ndarray
    ) -> Neighbours:
        """Does what `nearest` does, of the rows that are not removed.

        Args:
            queries: As for `nearest`.
            k: As for `nearest`.
            removed: `(number of embeddings built,)` bool array.
        """
        return deeper_search(self, queries, k, removed)

    def check_k(self, k: int) -> None:
        """Raises `ValueError` where k is not in 1..N."""
        num_rows = self._changes.num_rows
        check_in_range(1, num_rows, "the number of stored embeddings", k=k)

    def ids_of(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns the ids of built rows, "" for -1, in a graph or outside."""
        ids = tf.gather(self._built_ids, tf.maximum(rows, 0))
        return tf.where(rows >= 0, ids, "")

    def save(self, path: str | os.PathLike) -> None:
        """Writes the index, changes included, whole or not at all.

        Args:
            path: The file, by custom `*.npz`; a URI that TensorFlow can write
                to, such as `gs://`, too.
        """
        facts = {"kind": type(self).__name__, "metric": self.metric}
        arrays = {**facts, **self._changes.arrays(), **self.arrays()}
        write_arrays(path, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Reads an index that `save` wrote.

        Args:
            path: As for `save`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file holds another kind of index, is broken, or
                holds what `build` would refuse.
        """
        arrays = read_arrays(path)
        with named_if_broken(path):
            kind = str(arrays.pop("kind"))
            metric = str(arrays.pop("metric"))
            check_one_of(METRICS, metric=metric)
        if kind != cls.__name__:
            raise ValueError(
                f"path must be of a saved {cls.__name__}; received {kind} in "
                f"{os.fspath(path)}"
            )
        with named_if_broken(path):
            changes, built_ids = Changes.from_arrays(arrays)
            index = cls.from_arrays(arrays, built_ids, metric)
            changes.check_against(index.built_embeddings(), metric)
        index._changes = changes
        return index
