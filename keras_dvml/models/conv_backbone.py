"""A small convolutional backbone that trains on a CPU."""

from collections.abc import Sequence

import keras


def conv_backbone(
    image_size: int, widths: Sequence[int] = (32, 64, 128, 256)
) -> keras.Model:
    """Builds blocks of convolution, batch norm, ReLU and pooling.

    Args:
        image_size: Height and width of the images, in pixels; at least
            `2 ** len(widths)`.
        widths: Channels of each block; the last is the feature width.

    Returns:
        A functional model: `(batch, image_size, image_size, 3)` ->
        `(batch, widths[-1])`.

    Raises:
        ValueError: If the images are too small for the number of blocks.

    Example:
        >>> import keras_dvml as kd
        >>> kd.models.conv_backbone(48).output_shape
        (None, 256)
    """
    smallest = 2 ** len(widths)
    if image_size < smallest:
        raise ValueError(
            f"image_size must be at least {smallest} for {len(widths)} "
            f"blocks; received {image_size}"
        )
    images = keras.Input((image_size, image_size, 3), name="images")
    features = images
    for width in widths:
        features = keras.layers.Conv2D(
            width, 3, padding="same", use_bias=False
        )(features)
        features = keras.layers.BatchNormalization(momentum=0.9)(features)
        features = keras.layers.ReLU()(features)
        features = keras.layers.MaxPooling2D()(features)
    features = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(images, features, name="conv_backbone")
