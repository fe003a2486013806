"""The contract that every index keeps."""

import abc
import os

import numpy as np
import tensorflow as tf

from keras_dvml.index.changes import Changes
from keras_dvml.index.gallery import check_finite, check_metric, unit_length
from keras_dvml.whole_files import whole_file


class Index(tf.Module, abc.ABC):
    """Finds the stored embeddings most similar to a query.

    A subclass stores what it is built of in TensorFlow variables, so that a
    SavedModel can hold it. What is added or removed afterwards counts at once
    in `search`: it is kept beside the built part, until `rebuilt` gives an
    index that is built of everything.

    Attributes:
        dim: int. Width of the embeddings.
        metric: "dot_product" or "cosine". For embeddings of unit length the
            two are the same.
    """

    def __init__(self, ids, dim, metric):
        super().__init__()
        self.dim = int(dim)
        self.metric = metric
        self._built_ids = tf.Variable(ids, dtype=tf.string, trainable=False)
        self._changes = Changes(np.asarray(ids, np.str_), self.dim)

    @classmethod
    @abc.abstractmethod
    def build(cls, embeddings, ids=None, *, metric="dot_product"):
        """Builds an index.

        Args:
            embeddings: `(N, dim)` float array, finite.
            ids: sequence of N unique str; by default the row numbers.
            metric: "dot_product" or "cosine".

        Raises:
            ValueError: If there are no embeddings, some are not finite, ids
                repeat, are empty or differ in number, or the metric is
                neither; and with "cosine" if an embedding is zero.
        """

    @abc.abstractmethod
    def lookup(self, queries, k):
        """Finds neighbours in the built part, inside a graph or outside.

        Args:
            queries: `(Q, dim)` float32 tensor.
            k: int in 1..(number of embeddings built).

        Returns:
            Tuple of `(Q, k)` int32 row numbers, best first, and `(Q, k)`
            float32 scores. Where fewer were found, -1 and -inf.
        """

    @abc.abstractmethod
    def measured_recall(self):
        """Returns the recall@10 against exact search in float32, 0..1."""

    @abc.abstractmethod
    def built_embeddings(self):
        """Returns the float32 embeddings of the built part."""

    @abc.abstractmethod
    def arrays(self):
        """Returns what the built part is, as a dict of NumPy arrays."""

    @classmethod
    @abc.abstractmethod
    def from_arrays(cls, arrays, ids, metric):
        """Makes an index from what `arrays` returned."""

    def build_options(self):
        """Returns the keyword arguments, but the metric, for `build`."""
        return {}

    def __len__(self):
        return self._changes.num_items

    @property
    def ids(self):
        """`(N,)` array of str, the id of each embedding it holds."""
        return self._changes.live_ids()

    @property
    def embeddings(self):
        """`(N, dim)` float32 embeddings, in the order of `ids`."""
        return self._changes.live_rows(self.built_embeddings())

    @property
    def is_changed(self):
        """Whether anything was added or removed since it was built."""
        return self._changes.any()

    def add(self, embeddings, ids):
        """Adds items; the next search finds them.

        They are compared one by one with each query: after many additions
        `rebuilt` gives a faster index.

        Args:
            embeddings: `(M, dim)` float array, finite.
            ids: sequence of M unique str that the index does not hold.

        Raises:
            ValueError: As for `build`, and if an id is there already. Nothing
                is added then.
        """
        self._changes = self._changes.with_added(embeddings, ids, self.metric)

    def remove(self, ids):
        """Removes items; no later search returns them.

        Args:
            ids: sequence of unique str that the index holds.

        Raises:
            ValueError: If one is not there. Nothing is removed then.
        """
        self._changes = self._changes.with_removed(ids)

    def rebuilt(self):
        """Returns an index built of what this one holds, itself if unchanged.

        Raises:
            ValueError: If everything was removed.
        """
        if not self.is_changed:
            return self
        return type(self).build(
            self.embeddings,
            self.ids,
            metric=self.metric,
            **self.build_options(),
        )

    def search(self, queries, k=10):
        """Finds the k most similar embeddings of each query.

        Args:
            queries: `(Q, dim)` or `(dim,)` float array.
            k: int in 1..N, where N counts what was removed since building.

        Returns:
            Tuple of `(Q, k)` array of str ids, best first, and `(Q, k)`
            float32 scores. Where fewer are left, "" and -inf.

        Raises:
            ValueError: If k is out of range, or queries have another width or
                are not finite, or are longer than 1e19.
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
        changes = self._changes
        _check_k(k, changes.num_rows)
        if self.metric == "cosine":
            queries = unit_length(queries)
        if not changes.any():
            rows, scores = self.nearest(queries, k)
        else:
            rows, scores = self.nearest(queries, changes.num_to_ask_for(k))
            rows, scores = changes.applied(queries, rows, scores, k)
        return changes.names.take(rows), scores

    def nearest(self, queries, k):
        """Does for arrays what `lookup` does for tensors.

        Args:
            queries: `(Q, dim)` finite float32 array, as the metric wants it.
            k: int in 1..(number of embeddings built).

        Returns:
            As `lookup`, as arrays.
        """
        rows, scores = self.lookup(tf.constant(queries), k)
        return rows.numpy(), scores.numpy()

    def check_k(self, k):
        """Raises `ValueError` where k is not in 1..N."""
        _check_k(k, self._changes.num_rows)

    def ids_of(self, rows):
        """Returns the ids of built rows, "" for -1, in a graph or outside."""
        ids = tf.gather(self._built_ids, tf.maximum(rows, 0))
        return tf.where(rows >= 0, ids, "")

    def save(self, path):
        """Writes the index, changes included, whole or not at all.

        Args:
            path: str or `os.PathLike`. The file, by custom `*.npz`.
        """
        with whole_file(path) as file:
            np.savez(
                file,
                kind=type(self).__name__,
                metric=self.metric,
                **self._changes.arrays(),
                **self.arrays(),
            )

    @classmethod
    def load(cls, path):
        """Reads an index that `save` wrote.

        Raises:
            ValueError: If the file holds another kind of index.
        """
        with np.load(path, allow_pickle=False) as stored:
            arrays = dict(stored)
        kind = str(arrays.pop("kind"))
        if kind != cls.__name__:
            raise ValueError(
                f"{os.fspath(path)} holds a {kind}; expected a {cls.__name__}"
            )
        changes, built_ids = Changes.from_arrays(arrays)
        metric = check_metric(str(arrays.pop("metric")))
        index = cls.from_arrays(arrays, built_ids, metric)
        index._changes = changes
        return index


def _check_k(k, num_items):
    if not 1 <= k <= num_items:
        raise ValueError(
            f"k must be in 1..{num_items}, the number of stored embeddings; "
            f"received {k}"
        )
