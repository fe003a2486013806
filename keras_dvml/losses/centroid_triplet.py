"""Centroid triplet loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import MetricLoss, keras_loss
from keras_dvml.typing import TensorLike


def centroid_triplet_loss(
    labels: TensorLike,
    embeddings: TensorLike,
    margin: float = 0.2,
) -> tf.Tensor:
    """Triplet loss against the centroids of classes in place of images.

    `mean_(a,c) max(0, |z_a - m_y|^2 - |z_a - m_c|^2 + margin)` over the
    anchors that have a positive and the classes `c` of the batch but their
    own, `m_c` the mean of the class, `m_y` that of the other members of the
    own one.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.
        embeddings: `(batch, dim)` float tensor.
        margin: >= 0, in squared distance.

    Returns:
        Scalar float32 tensor.

    Raises:
        ValueError: If `labels` are `ops.Pairs`.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> float(kd.losses.centroid_triplet_loss([0, 0, 1], embeddings))
        0.7...
    """
    if isinstance(labels, ops.Pairs):
        raise ValueError(
            "labels must be class ids: the centroid triplet loss compares "
            "classes, which pairs do not say; received ops.Pairs"
        )
    embeddings = tf.cast(embeddings, tf.float32)
    labels = ops.flatten_labels(labels)
    same = tf.cast(labels[:, None] == labels[None, :], tf.float32)
    size = tf.reduce_sum(same, axis=1, keepdims=True)
    total = tf.matmul(same, embeddings)
    # Of a lone member it is not used.
    own = (total - embeddings) / tf.maximum(size - 1.0, 1.0)
    to_own = tf.reduce_sum(tf.square(embeddings - own), axis=1, keepdims=True)
    centroids = total / size
    to_centroids = (
        tf.reduce_sum(tf.square(embeddings), axis=1, keepdims=True)
        - 2.0 * tf.matmul(embeddings, centroids, transpose_b=True)
        + tf.reduce_sum(tf.square(centroids), axis=1)
    )
    # A class has as many equal columns as members.
    weight = (1.0 - same) / tf.transpose(size)
    weight *= tf.cast(size > 1.0, tf.float32)
    violation = tf.nn.relu(to_own - to_centroids + margin)
    return tf.math.divide_no_nan(
        tf.reduce_sum(weight * violation), tf.reduce_sum(weight)
    )


@keras_loss
class CentroidTripletLoss(MetricLoss):
    """Centroid triplet loss over the classes of a batch.

    See `centroid_triplet_loss` for the formula.

    Args:
        margin: >= 0, in squared Euclidean distance.
        name: Name of the loss.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.CentroidTripletLoss(margin=0.2)
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        0.7...

    Reference:
        [Wieczorek et al., 2021](https://arxiv.org/abs/2104.13643)
    """

    margin: float = 0.2
    name: str = "centroid_triplet_loss"

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return centroid_triplet_loss(labels, embeddings, **self.parameters)
