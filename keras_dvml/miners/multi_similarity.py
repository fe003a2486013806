"""Miner of the pairs that are hard beside the others of their anchor."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.miners.miner import Miner, keras_miner


def hard_pairs(
    labels: ops.LabelsOrPairs, similarity: tf.Tensor, margin: float
) -> ops.Pairs:
    """Marks the pairs that are hard beside the others of their anchor.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        similarity: `(anchors, batch)` float32 tensor.
        margin: >= 0. Slack.

    Returns:
        `ops.Pairs`.
    """
    positive = similarity - ops.log_positive_pairs(labels)
    negative = similarity + ops.log_negative_pairs(labels)
    least_positive = tf.reduce_min(positive, axis=1, keepdims=True)
    most_negative = tf.reduce_max(negative, axis=1, keepdims=True)
    return ops.Pairs(
        positive < most_negative + margin, negative > least_positive - margin
    )


@keras_miner
class MultiSimilarityMiner(Miner):
    """Chooses the pairs that are hard beside the others of their anchor.

    Those are the positives less similar than the most similar negative plus
    `margin`, and the negatives more similar than the least similar positive
    less `margin`.

    Args:
        margin: >= 0. epsilon of the paper, in similarity.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6], [-1.0, 0.0]]
        >>> pairs = kd.miners.MultiSimilarityMiner()([0, 0, 1, 1], embeddings)
        >>> pairs.negatives.numpy().astype(int)
        array([[0, 0, 1, 0],
               [0, 0, 1, 0],
               [1, 1, 0, 0],
               [0, 1, 0, 0]])

    Reference:
        [Wang et al., 2019](https://arxiv.org/abs/1904.06627)
    """

    margin: float = 0.1

    def mine(self, pairs: ops.Pairs, embeddings: tf.Tensor) -> ops.Pairs:
        similarity = ops.pairwise_similarity(embeddings, ops.num_anchors(pairs))
        return hard_pairs(pairs, similarity, self.margin)
