"""Batches large enough for each replica of a strategy to train on a part."""

from typing import Any

import numpy as np
import tensorflow as tf


def check_shares(given: dict[str, Any], num_replicas: int) -> None:
    """Raises where arrays would end in a batch that some have no part of.

    Of a data set it is not known how large its last batch is: a replica
    without a part computes on a black image then, which does not count.

    Args:
        given: Arguments of `fit` by name.
        num_replicas: That share a step.

    Raises:
        ValueError: If so.
    """
    images = given.get("x")
    if num_replicas == 1 or not isinstance(images, (np.ndarray, tf.Tensor)):
        return
    split = float(given.get("validation_split") or 0.0)
    num_images = int(len(images) * (1.0 - split))
    batch_size = min(given.get("batch_size") or 32, num_images)
    smallest = num_images % batch_size or batch_size
    if smallest < num_replicas:
        raise ValueError(
            f"batch_size must leave each of {num_replicas} replicas an image "
            f"of every batch; received {batch_size} for {num_images} images, "
            f"{smallest} of them in the last batch. One that divides the "
            "number of images, and is a multiple of the replicas, splits evenly"
        )
