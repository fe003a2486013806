"""What `fit` and `evaluate` hand to a step: images with labels."""

from typing import Any

import keras
import tensorflow as tf

from keras_dvml import ops


def images_and_labels(data: Any) -> tuple[Any, Any]:
    """Returns the two parts of a batch.

    Raises:
        ValueError: If there are no labels, or if there are sample weights.
    """
    images, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if labels is None:
        raise ValueError(
            "fit and evaluate need batches of (images, labels); received "
            "images only"
        )
    if sample_weight is not None:
        raise ValueError("losses over pairs take no sample_weight")
    return images, labels


def with_an_image(images: Any) -> tuple[Any, Any]:
    """Returns images for layers that fail where there are none.

    Of a batch smaller than the replicas of a strategy some have no part.

    Args:
        images: `(batch, height, width, 3)` tensor.

    Returns:
        The images, or a black one where there are none, and how many of them
        count, `None` for all.
    """
    if ops.num_replicas() == 1 or images.shape[0]:
        return images, None
    return ops.with_a_row(images), tf.shape(images)[0]
