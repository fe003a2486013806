"""Exact search with plain TensorFlow operations."""

import tensorflow as tf

from keras_dvml.index.index import Index, checked_gallery


class ExactIndex(Index):
    """Compares a query with every stored embedding.

    Serves in any TensorFlow Serving, and is the oracle of the approximate
    index.

    Example:
        >>> import keras_dvml as kd
        >>> index = kd.index.ExactIndex.build(
        ...     [[1.0, 0.0], [0.0, 1.0]], ids=["cat", "dog"]
        ... )
        >>> ids, scores = index.search([[0.6, 0.8]], k=2)
        >>> ids.tolist()
        [['dog', 'cat']]
    """

    def __init__(self, embeddings, ids):
        super().__init__(ids, embeddings.shape[1])
        self._embeddings = tf.Variable(embeddings, trainable=False)

    @classmethod
    def build(cls, embeddings, ids=None):
        return cls(*checked_gallery(embeddings, ids))

    def lookup(self, queries, k):
        similarity = tf.matmul(queries, self._embeddings, transpose_b=True)
        scores, rows = tf.math.top_k(similarity, k)
        return rows, scores

    @property
    def embeddings(self):
        return self._embeddings.numpy()

    def arrays(self):
        return {
            "embeddings": self.embeddings,
            "ids": self.id_strings(),
        }

    @classmethod
    def from_arrays(cls, arrays):
        return cls(arrays["embeddings"], arrays["ids"])
