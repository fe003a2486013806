"""Recall@k surrogate loss."""

from collections.abc import Sequence

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.arguments import check_at_least
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.losses.soft_ranks import mean_over_soft_ranks
from keras_dvml.typing import TensorLike


def recall_at_k_loss(
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    *,
    ks: Sequence[int] = (1, 2, 4, 8, 16),
    temperature: float = 0.01,
    rank_temperature: float = 1.0,
) -> tf.Tensor:
    """One minus the recall among the k most similar, softened by sigmoids.

    `1 - mean_a mean_k sum_p sigmoid((k - R(p)) / rank_temperature) / min(k,
    |P|)` over the anchors with positives `P`, `R` the soft rank of `p` in
    the batch; see `mean_over_soft_ranks`.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        ks: >= 1 each. How many of the most similar are counted.
        temperature: > 0. tau_2 of the paper, in similarity.
        rank_temperature: > 0. tau_1 of the paper, in ranks.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> float(kd.losses.recall_at_k_loss([0, 0, 1], embeddings))
        0.27...
    """
    counted = tf.constant(ks, tf.float32)[:, None]

    def missing_recall(before_positives, before_negatives, num_positives):
        rank = 1.0 + before_positives + before_negatives
        # Anchors without positives do not count.
        num_positives = tf.maximum(num_positives, 1.0)
        found = tf.sigmoid((counted - rank) / rank_temperature)
        found /= tf.minimum(counted, num_positives)
        return 1.0 - num_positives * tf.reduce_mean(found, axis=0)

    return mean_over_soft_ranks(
        missing_recall,
        labels,
        embeddings,
        temperature=temperature,
        finds_itself=False,
    )


@keras_loss
class RecallAtKLoss(PairLoss):
    """Recall@k surrogate loss over all pairs of a batch.

    See `recall_at_k_loss` for the formula.

    Args:
        ks: >= 1 each. How many of the most similar are counted.
        temperature: > 0. tau_2 of the paper, in similarity.
        rank_temperature: > 0. tau_1 of the paper, in ranks.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Raises:
        ValueError: If one of `ks` is below 1.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.RecallAtKLoss(ks=(1, 2, 4, 8, 16))
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        0.27...

    Reference:
        [Patel et al., 2022](https://arxiv.org/abs/2108.11179)
    """

    ks: Sequence[int] = (1, 2, 4, 8, 16)
    temperature: float = 0.01
    rank_temperature: float = 1.0
    name: str = "recall_at_k_loss"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ks = tuple(self.ks)
        check_at_least(1, ks=min(self.ks))

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return recall_at_k_loss(labels, embeddings, **self.parameters)
