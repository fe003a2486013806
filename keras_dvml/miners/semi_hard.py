"""Miner of semi-hard negatives."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.miners.miner import Miner, keras_miner
from keras_dvml.miners.nearest import (
    distances,
    farthest,
    in_row,
    nearest,
    where_both,
)


@keras_miner
class SemiHardMiner(Miner):
    """Chooses the farthest positive and the nearest negative beyond it.

    Anchors that lack one of them have no pair.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[0.0], [0.5], [0.4], [0.7]]
        >>> pairs = kd.miners.SemiHardMiner()([0, 0, 1, 1], embeddings)
        >>> pairs.negatives.numpy().astype(int)
        array([[0, 0, 0, 1],
               [0, 0, 0, 0],
               [1, 0, 0, 0],
               [1, 0, 0, 0]])

    Reference:
        [Schroff et al., 2015](https://arxiv.org/abs/1503.03832)
    """

    def mine(self, pairs: ops.Pairs, embeddings: tf.Tensor) -> ops.Pairs:
        distance = distances(pairs, embeddings)
        positive = farthest(distance, pairs.positives)
        beyond = pairs.negatives & (distance > in_row(distance, positive))
        return where_both(positive, nearest(distance, beyond))
