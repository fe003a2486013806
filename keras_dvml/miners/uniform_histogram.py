"""Miner of as many pairs of each distance."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.arguments import check_count
from keras_dvml.miners.miner import Miner, keras_miner
from keras_dvml.miners.nearest import distances


@keras_miner
class UniformHistogramMiner(Miner):
    """Draws pairs so that about as many have one distance as another.

    The distances between the least and the greatest are divided into bins, for
    positives and for negatives. Of a bin with more pairs than asked for, each
    is chosen with the probability that gives that number on average. The draws
    depend on `seed`, the batch size and the distances alone.

    Args:
        num_bins: >= 1. Bins of equal width.
        positives_per_bin: >= 1. Positive pairs to choose of a bin.
        negatives_per_bin: >= 1. Negative pairs to choose of a bin.
        seed: Seed of the draws.

    Raises:
        ValueError: If a number is below 1.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[0.0], [0.1], [0.5], [0.7]]
        >>> miner = kd.miners.UniformHistogramMiner(num_bins=2)
        >>> pairs = miner([0, 0, 0, 1], embeddings)
        >>> pairs.positives.numpy().sum(axis=1)
        array([2, 2, 2, 0])

    Reference:
        [PyTorch Metric Learning](https://arxiv.org/abs/2008.09164)
    """

    num_bins: int = 100
    positives_per_bin: int = 10
    negatives_per_bin: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        check_count(
            1,
            num_bins=self.num_bins,
            positives_per_bin=self.positives_per_bin,
            negatives_per_bin=self.negatives_per_bin,
        )

    def mine(self, pairs: ops.Pairs, embeddings: tf.Tensor) -> ops.Pairs:
        distance = ops.safe_sqrt(distances(pairs, embeddings))
        noise = ops.uniform_noise(tf.shape(distance), [self.seed, 0])
        return ops.Pairs(
            self._thinned(
                distance, pairs.positives, self.positives_per_bin, noise
            ),
            self._thinned(
                distance, pairs.negatives, self.negatives_per_bin, noise
            ),
        )

    def _thinned(self, distance, mask, per_bin, noise):
        least = tf.reduce_min(tf.where(mask, distance, ops.FAR))
        greatest = tf.reduce_max(tf.where(mask, distance, -ops.FAR))
        place = tf.math.divide_no_nan(distance - least, greatest - least)
        place = tf.cast(tf.where(mask, place, 0.0) * self.num_bins, tf.int32)
        place = tf.minimum(place, self.num_bins - 1)
        sizes = tf.math.unsorted_segment_sum(
            tf.reshape(tf.cast(mask, tf.float32), [-1]),
            tf.reshape(place, [-1]),
            self.num_bins,
        )
        return mask & (noise * tf.gather(sizes, place) < per_bin)
