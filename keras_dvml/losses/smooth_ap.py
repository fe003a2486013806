"""SmoothAP loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.losses.soft_ranks import mean_over_soft_ranks
from keras_dvml.typing import TensorLike


def smooth_ap_loss(
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    temperature: float = 0.01,
) -> tf.Tensor:
    """One minus the average precision, its ranks softened by a sigmoid.

    `mean_a (1 - mean_p R+(p) / R(p))` over the anchors with a positive,
    `R+` the soft rank of `p` among the positives of `a`, `a` itself
    included, and `R` that in the batch; see `mean_over_soft_ranks`.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        temperature: > 0. tau of the paper.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> float(kd.losses.smooth_ap_loss([0, 0, 1], embeddings))
        0.171...
    """

    def missing_precision(before_positives, before_negatives, _):
        rank = 1.0 + before_positives + before_negatives
        return before_negatives / rank

    return mean_over_soft_ranks(
        missing_precision,
        labels,
        embeddings,
        temperature=temperature,
        finds_itself=True,
    )


@keras_loss
class SmoothAPLoss(PairLoss):
    """SmoothAP loss over all pairs of a batch.

    See `smooth_ap_loss` for the formula.

    Args:
        temperature: > 0. tau of the paper.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.SmoothAPLoss(temperature=0.01)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        0.171...

    Reference:
        [Brown et al., 2020](https://arxiv.org/abs/2007.12163)
    """

    temperature: float = 0.01
    name: str = "smooth_ap_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return smooth_ap_loss(labels, embeddings, **self.parameters)
