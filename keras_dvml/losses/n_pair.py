"""Multi-class N-pair loss."""

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import MetricLoss


def n_pair_loss(labels, embeddings, temperature=0.1):
    """Sets every positive pair against all negatives of its anchor at once.

    `mean_(a,p) log(1 + sum_n exp((S_an - S_ap) / temperature))`,
    `S` the dot product.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.
        embeddings: `(batch, dim)` float tensor.
        temperature: float > 0. The paper's loss has 1, for embeddings of free
            length; unit-length ones need a smaller temperature to reach
            confident values.

    Returns:
        Scalar float32 tensor.
    """
    log_negatives = ops.log_negative_pairs(labels)
    cycles = ops.class_cycles(labels)
    weight = tf.math.divide_no_nan(1.0, tf.cast(cycles.num_pairs, tf.float32))

    @ops.closed_form
    def mean_over_pairs(similarity):
        similarity /= temperature
        log_sum, by_negative = ops.log_sum_exp_with_slope(
            similarity + log_negatives
        )
        log_sum = tf.squeeze(log_sum, axis=1)

        def add_one_positive_each(positive, is_pair, total, push, pull):
            gap = log_sum - tf.gather(similarity, positive, batch_dims=1)
            by_pair = is_pair * tf.sigmoid(gap) * (weight / temperature)
            return (
                total + tf.reduce_sum(is_pair * tf.nn.softplus(gap)),
                push + by_pair,
                ops.add_to_entries(pull, positive, by_pair),
            )

        total, push, pull = cycles.for_each_positive(
            add_one_positive_each,
            (0.0, tf.zeros_like(log_sum), tf.zeros_like(similarity)),
        )
        return weight * total, push[:, None] * by_negative - pull

    return mean_over_pairs(ops.pairwise_similarity(embeddings))


@keras.saving.register_keras_serializable(package="keras_dvml")
class NPairLoss(MetricLoss):
    """Multi-class N-pair loss over all positive pairs of a batch.

    See `n_pair_loss` for the formula.

    Args:
        temperature: float > 0. Divides the similarities.
        name: str. Name of the loss.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.NPairLoss(temperature=1.0)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
        0.31...

    Reference:
        [Sohn, 2016](https://papers.nips.cc/paper/6200)
    """

    def __init__(self, temperature=0.1, name="n_pair_loss"):
        super().__init__(name=name)
        self.temperature = temperature

    def call(self, labels, embeddings):
        return n_pair_loss(labels, embeddings, self.temperature)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
