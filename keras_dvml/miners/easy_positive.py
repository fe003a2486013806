"""Miner of easy positives and semi-hard negatives."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.miners.miner import Miner, keras_miner
from keras_dvml.miners.nearest import distances, in_row, nearest, where_both


@keras_miner
class EasyPositiveMiner(Miner):
    """Chooses the nearest positive and the nearest negative beyond it.

    A class need not become one cluster: it is enough that each image has one of
    its class nearby. Anchors that lack one of them have no pair.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[0.0], [0.1], [0.5], [0.7]]
        >>> pairs = kd.miners.EasyPositiveMiner()([0, 0, 0, 1], embeddings)
        >>> pairs.positives.numpy().astype(int)
        array([[0, 1, 0, 0],
               [1, 0, 0, 0],
               [0, 0, 0, 0],
               [0, 0, 0, 0]])

    Reference:
        [Xuan et al., 2020](https://arxiv.org/abs/1904.04370)
    """

    def mine(self, pairs: ops.Pairs, embeddings: tf.Tensor) -> ops.Pairs:
        distance = distances(pairs, embeddings)
        positive = nearest(distance, pairs.positives)
        beyond = pairs.negatives & (distance > in_row(distance, positive))
        return where_both(positive, nearest(distance, beyond))
