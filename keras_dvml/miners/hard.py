"""Miner of the hardest pairs."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.miners.miner import Miner, keras_miner
from keras_dvml.miners.nearest import distances, farthest, nearest, where_both


@keras_miner
class HardMiner(Miner):
    """Chooses the farthest positive and the nearest negative of each anchor.

    Anchors that lack one of them have no pair.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[0.0], [0.1], [0.5], [0.7]]
        >>> pairs = kd.miners.HardMiner()([0, 0, 0, 1], embeddings)
        >>> pairs.positives.numpy().astype(int)
        array([[0, 0, 1, 0],
               [0, 0, 1, 0],
               [1, 0, 0, 0],
               [0, 0, 0, 0]])

    Reference:
        [Hermans et al., 2017](https://arxiv.org/abs/1703.07737)
    """

    def mine(self, pairs: ops.Pairs, embeddings: tf.Tensor) -> ops.Pairs:
        distance = distances(pairs, embeddings)
        return where_both(
            farthest(distance, pairs.positives),
            nearest(distance, pairs.negatives),
        )
