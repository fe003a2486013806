"""Miner of the nearest pairs of both kinds."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.miners.miner import Miner, keras_miner
from keras_dvml.miners.nearest import distances, nearest, where_both


@keras_miner
class BatchEasyMiner(Miner):
    """Chooses the nearest positive and the nearest negative of each anchor.

    The easiest positive against the hardest negative: what decides whether the
    nearest neighbour is of the right class. Anchors that lack one of them have
    no pair.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[0.0], [0.1], [0.5], [0.7]]
        >>> pairs = kd.miners.BatchEasyMiner()([0, 0, 0, 1], embeddings)
        >>> pairs.positives.numpy().astype(int)
        array([[0, 1, 0, 0],
               [1, 0, 0, 0],
               [0, 1, 0, 0],
               [0, 0, 0, 0]])

    Reference:
        [Xuan et al., 2020](https://arxiv.org/abs/1904.04370)
    """

    def mine(self, pairs: ops.Pairs, embeddings: tf.Tensor) -> ops.Pairs:
        distance = distances(pairs, embeddings)
        return where_both(
            nearest(distance, pairs.positives),
            nearest(distance, pairs.negatives),
        )
