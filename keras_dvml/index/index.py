"""The contract that every index keeps."""

import abc
import os

import numpy as np
import tensorflow as tf

from keras_dvml.whole_files import whole_file


class Index(tf.Module, abc.ABC):
    """Finds the stored embeddings most similar to a query, by dot product.

    A subclass stores what it needs in TensorFlow variables, so that a
    SavedModel can hold it, and says how to look up and how to be rebuilt from
    arrays. For embeddings of unit length the dot product is the cosine.

    Attributes:
        ids: `(N,)` string variable, the id of each stored embedding.
        dim: int. Width of the embeddings.
    """

    def __init__(self, ids, dim):
        super().__init__()
        self.ids = tf.Variable(ids, dtype=tf.string, trainable=False)
        self.dim = int(dim)

    @classmethod
    @abc.abstractmethod
    def build(cls, embeddings, ids=None):
        """Builds an index.

        Args:
            embeddings: `(N, dim)` float array, finite.
            ids: sequence of N unique str; by default the row numbers.

        Raises:
            ValueError: If there are no embeddings, some are not finite, or ids
                repeat or differ in number.
        """

    @abc.abstractmethod
    def lookup(self, queries, k):
        """Finds neighbours inside a graph.

        Args:
            queries: `(Q, dim)` float32 tensor.
            k: int in 1..N.

        Returns:
            Tuple of `(Q, k)` int32 row numbers, best first, and `(Q, k)`
            float32 scores. Where fewer were found, -1 and -inf.
        """

    @abc.abstractmethod
    def arrays(self):
        """Returns what the index is made of, as a dict of NumPy arrays."""

    @classmethod
    @abc.abstractmethod
    def from_arrays(cls, arrays):
        """Makes an index from what `arrays` returned."""

    @property
    @abc.abstractmethod
    def embeddings(self):
        """The stored `(N, dim)` float32 embeddings, in the order of ids."""

    def __len__(self):
        return int(self.ids.shape[0])

    def search(self, queries, k=10):
        """Finds the k most similar stored embeddings of each query.

        Args:
            queries: `(Q, dim)` or `(dim,)` float array.
            k: int in 1..N.

        Returns:
            Tuple of `(Q, k)` array of str ids, best first, and `(Q, k)`
            float32 scores. Where an approximate index found fewer, "" and
            -inf.

        Raises:
            ValueError: If k is out of range, or queries have another width or
                are not finite.
        """
        queries = np.atleast_2d(np.asarray(queries, np.float32))
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise ValueError(
                f"queries must be (Q, {self.dim}); received shape "
                f"{queries.shape}"
            )
        if not np.isfinite(queries).all():
            raise ValueError("queries must be finite; received NaN or infinity")
        self.check_k(k)
        rows, scores = self.lookup(tf.constant(queries), k)
        return _as_str(self.ids_of(rows).numpy()), scores.numpy()

    def id_strings(self):
        """Returns the `(N,)` ids as an array of str."""
        return _as_str(self.ids.numpy())

    def check_k(self, k):
        """Raises `ValueError` where k is not in 1..N."""
        if not 1 <= k <= len(self):
            raise ValueError(
                f"k must be in 1..{len(self)}, the number of stored "
                f"embeddings; received {k}"
            )

    def ids_of(self, rows):
        """Returns the ids of row numbers, "" for -1, in eager or graph mode."""
        ids = tf.gather(self.ids, tf.maximum(rows, 0))
        return tf.where(rows >= 0, ids, "")

    def save(self, path):
        """Writes the index to one file, whole or not at all.

        Args:
            path: str or `os.PathLike`. The file, by custom `*.npz`.
        """
        with whole_file(path) as file:
            np.savez(file, kind=type(self).__name__, **self.arrays())

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
        return cls.from_arrays(arrays)


def _as_str(encoded):
    return np.char.decode(encoded.astype(np.bytes_), "utf-8")


def checked_gallery(embeddings, ids):
    """Returns embeddings as float32 and ids as str, or raises ValueError."""
    embeddings = np.ascontiguousarray(embeddings, dtype=np.float32)
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise ValueError(
            "embeddings must be (N, dim) with N, dim >= 1; received shape "
            f"{embeddings.shape}"
        )
    if not np.isfinite(embeddings).all():
        raise ValueError("embeddings must be finite; received NaN or infinity")
    if ids is None:
        ids = np.arange(len(embeddings))
    ids = np.asarray(ids).astype(np.str_)
    if ids.shape != (len(embeddings),):
        raise ValueError(
            f"{len(embeddings)} embeddings but ids of shape {ids.shape}; "
            "expected one id each"
        )
    unique, counts = np.unique(ids, return_counts=True)
    if len(unique) != len(ids):
        repeated = str(unique[counts.argmax()])
        raise ValueError(
            f"ids must be unique; {repeated!r} occurs {counts.max()} times"
        )
    return embeddings, ids
