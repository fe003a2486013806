"""Softmax over classes, each with trained vectors, with a margin."""

from collections.abc import Callable

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.proxy_loss import cosines
from keras_dvml.typing import TensorLike


def cosines_of_centers(
    embeddings: TensorLike, centers: TensorLike, num_centers: int
) -> tf.Tensor:
    """Returns the cosines of each embedding to the centres of each class.

    Args:
        embeddings: `(batch, dim)` float tensor of any precision.
        centers: `(num_classes * num_centers, dim)` float tensor, those of a
            class one after the other.
        num_centers: >= 1. Centres of a class.

    Returns:
        `(batch, num_classes, num_centers)` float32 tensor.

    Raises:
        ValueError: If embeddings and centres differ in width.
    """
    similarity = cosines(embeddings, centers)
    num_classes = int(similarity.shape[1] or 0) // num_centers
    return tf.reshape(similarity, (-1, num_classes, num_centers))


def softmax_with_margin(
    labels: TensorLike,
    similarity: tf.Tensor,
    with_margin: Callable[[tf.Tensor], tf.Tensor],
    scale: float | tf.Tensor,
) -> tf.Tensor:
    """Cross-entropy of the classes, the own one made harder to reach.

    Args:
        labels: `(batch,)` or `(batch, 1)` integer tensor, 0 to
            `num_classes - 1`.
        similarity: `(batch, num_classes)` float32 tensor.
        with_margin: From the similarity of each row to its own class,
            `(batch,)`, to what takes its place.
        scale: > 0. Multiplies the similarities; a scalar, or a `(batch, 1)`
            tensor.

    Returns:
        Scalar float32 tensor, the mean over the batch.

    Raises:
        InvalidArgumentError: If a label is no class id; not when compiled by
            XLA, which cannot raise.
    """
    own = ops.class_ids(labels, int(similarity.shape[1] or 0))
    to_own = tf.gather(similarity, own, batch_dims=1)
    similarity = ops.add_to_entries(
        similarity, own, with_margin(to_own) - to_own
    )
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(own, scale * similarity)
    )
