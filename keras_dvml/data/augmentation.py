"""Random changes of a training image, as functions of an explicit seed."""

import numpy as np
import tensorflow as tf

from keras_dvml.typing import TensorLike

Image = tf.Tensor | np.ndarray

# The stubs for type checkers leave it out.
_split_seed = tf.random.experimental.stateless_split  # pyright: ignore[reportAttributeAccessIssue]


def random_resized_crop(
    image: Image,
    seed: TensorLike,
    min_area: float = 0.16,
    mirrored: bool = True,
) -> tf.Tensor:
    """Crops a random part, resizes it back and mirrors it half of the time.

    Args:
        image: `(height, width, 3)`, 0..255.
        seed: `(2,)` integers. The same seed gives the same change.
        min_area: In 0..1. Smallest share of the area that is kept.
        mirrored: Whether to mirror left to right; not for characters.

    Returns:
        `(height, width, 3)` uint8 tensor.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> image = tf.zeros([32, 32, 3], tf.uint8)
        >>> kd.data.random_resized_crop(image, seed=[0, 1]).shape
        TensorShape([32, 32, 3])
    """
    shape = tf.shape(image)
    seeds = _split_seed(seed, 2)
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        shape,
        bounding_boxes=tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
        seed=seeds[0],
        min_object_covered=0.0,
        area_range=(min_area, 1.0),
        aspect_ratio_range=(3 / 4, 4 / 3),
        use_image_if_no_bounding_boxes=True,
    )
    cropped = tf.slice(image, begin, size)
    resized = tf.image.resize(cropped, shape[:2], antialias=True)
    resized = tf.saturate_cast(tf.round(resized), tf.uint8)
    resized = tf.ensure_shape(resized, image.shape)
    if not mirrored:
        return resized
    return tf.image.stateless_random_flip_left_right(resized, seeds[1])


def random_shift(
    image: Image, seed: TensorLike, max_pixels: int = 4
) -> tf.Tensor:
    """Moves an image by up to `max_pixels` each way, mirroring its edges.

    Args:
        image: `(height, width, 3)`.
        seed: `(2,)` integers. The same seed gives the same change.
        max_pixels: At least 0. Largest shift in pixels.

    Returns:
        `(height, width, 3)` tensor of the same dtype.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> image = np.ones((32, 32, 3), np.uint8)
        >>> bool(np.all(kd.data.random_shift(image, seed=[0, 1]) == image))
        True
    """
    pad = [[max_pixels, max_pixels], [max_pixels, max_pixels], [0, 0]]
    padded = tf.pad(image, pad, mode="REFLECT")
    return tf.image.stateless_random_crop(padded, tf.shape(image), seed)


def random_color(
    image: Image,
    seed: TensorLike,
    strength: float = 1.0,
    inverted: bool = False,
) -> tf.Tensor:
    """Changes contrast, brightness and tint, and may invert the image.

    With m the mean of the image, which stays as the middle, channel c becomes
    `gain_c * (image_c - m) + m + offset_c`, clipped to 0..255, where

    - `gain_c = exp(strength * (u + 0.4 * u_c))`, contrast and tint,
    - `offset_c = 64 * strength * (v + 0.3 * v_c)`, brightness and tint,

    and u, v (one an image), u_c, v_c (one a channel) are uniform in -1..1.
    A model that learns without labels needs it where pictures of one thing
    differ in colour: clusters else group pictures of one colour.

    Args:
        image: `(height, width, 3)`, 0..255.
        seed: `(2,)` integers. The same seed gives the same change.
        strength: At least 0. With 0 colours stay.
        inverted: Whether to make light dark half of the time before that; for
            characters and drawings, not for photographs.

    Returns:
        `(height, width, 3)` uint8 tensor.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> image = tf.fill([32, 32, 3], tf.constant(100, tf.uint8))
        >>> changed = kd.data.random_color(image, seed=[0, 1])
        >>> len(set(changed[..., 0].numpy().ravel()))
        1
    """
    seeds = _split_seed(seed, 3)
    common = tf.random.stateless_uniform((2, 1), seeds[0], -1.0, 1.0)
    of_channel = tf.random.stateless_uniform((2, 3), seeds[1], -1.0, 1.0)
    changes = strength * (common + tf.constant([[0.4], [0.3]]) * of_channel)
    gain, offset = tf.exp(changes[0]), 64.0 * changes[1]

    values = tf.cast(image, tf.float32)
    if inverted:
        light_is_dark = tf.random.stateless_uniform((), seeds[2]) < 0.5
        values = tf.where(light_is_dark, 255.0 - values, values)
    mean = tf.reduce_mean(values)
    values = gain * (values - mean) + mean + offset
    return tf.saturate_cast(tf.round(values), tf.uint8)
