"""What `fit` and `evaluate` hand to a step: images with labels."""

from typing import Any

import keras


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
