"""NT-Xent loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.n_pair import n_pair_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import TensorLike


def nt_xent_loss(
    labels: ops.LabelsOrPairs, embeddings: TensorLike, temperature: float = 0.07
) -> tf.Tensor:
    """Cross-entropy of finding the positive of a pair among the negatives.

    `mean_(a,p) -log(exp(s_ap / temperature) / (exp(s_ap / temperature) +
    sum_n exp(s_an / temperature)))`, `s` the cosine: the N-pair loss of
    embeddings scaled to unit length. With two views of each image, labelled
    alike, it is SimCLR's loss, and InfoNCE.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor.
        temperature: > 0. tau of the paper.

    Returns:
        Scalar float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]
        >>> loss = kd.losses.nt_xent_loss(
        ...     [0, 0, 1], embeddings, temperature=1.0
        ... )
        >>> float(loss)
        0.31...
    """
    embeddings = ops.l2_normalize(tf.cast(embeddings, tf.float32))
    return n_pair_loss(labels, embeddings, temperature)


@keras_loss
class NTXentLoss(PairLoss):
    """Normalised, temperature-scaled cross-entropy over all positive pairs.

    See `nt_xent_loss` for the formula.

    Args:
        temperature: > 0. tau of the paper.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.NTXentLoss(temperature=1.0)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]))
        0.31...

    Reference:
        [Chen et al., 2020](https://arxiv.org/abs/2002.05709)
    """

    temperature: float = 0.07
    name: str = "nt_xent_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return nt_xent_loss(labels, embeddings, **self.parameters)
