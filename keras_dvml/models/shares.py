"""Batches large enough for each replica of a strategy to train on a part."""

from typing import Any

import numpy as np
import tensorflow as tf


def with_full_shares(given: dict[str, Any], num_replicas: int) -> dict:
    """Returns the arguments of `fit`, batches that are too small refused.

    A replica without an image has no statistics for batch normalisation to
    learn from. Of arrays it is known before the first step.

    Args:
        given: Arguments of `fit` by name.
        num_replicas: That share a step.

    Raises:
        ValueError: If arrays would end in a batch smaller than that.
    """
    images = given.get("x")
    if num_replicas == 1 or images is None:
        return given
    if isinstance(images, tf.data.Dataset):
        return {**given, "x": images.map(_checked(num_replicas))}
    if isinstance(images, (np.ndarray, tf.Tensor)):
        split = float(given.get("validation_split") or 0.0)
        num_images = int(len(images) * (1.0 - split))
        batch_size = given.get("batch_size") or 32
        left_over = num_images % batch_size
        if min(batch_size, left_over or batch_size) < num_replicas:
            raise ValueError(
                f"batch_size must leave each of {num_replicas} replicas an "
                f"image of every batch; received {batch_size} for "
                f"{num_images} images, whose last batch has "
                f"{left_over or batch_size}. One that divides the number of "
                "images, and is a multiple of the replicas, splits evenly"
            )
    return given


def _checked(num_replicas):
    def check(*batch):
        size = tf.shape(tf.nest.flatten(batch)[0])[0]
        large_enough = tf.debugging.Assert(
            size >= num_replicas,
            [
                f"a batch must hold an image for each of {num_replicas} "
                "replicas, or drop_remainder=True must drop it; received "
                "images",
                size,
            ],
        )
        with tf.control_dependencies([large_enough]):
            batch = tf.nest.map_structure(tf.identity, batch)
        return batch[0] if len(batch) == 1 else batch

    return check
