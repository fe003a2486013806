"""Images of any shape to the one that a model takes."""

from typing import get_args

import tensorflow as tf

from keras_dvml.data import orientation as orientations
from keras_dvml.typing import ImageFit

ImageSize = int | tuple[int, int]
"""Side of a square, or height and width, in pixels."""


def height_and_width(image_size: ImageSize) -> tuple[int, int]:
    """Returns a size as height and width.

    Raises:
        ValueError: If it is none, or less than a pixel.
    """
    pair = (image_size,) * 2 if isinstance(image_size, int) else image_size
    sizes = tuple(pair) if isinstance(pair, (tuple, list)) else ()
    if len(sizes) != 2 or not all(
        isinstance(size, int) and size >= 1 for size in sizes
    ):
        raise ValueError(
            "image_size must be a side, or height and width, in pixels, at "
            f"least 1; received {image_size!r}"
        )
    return sizes


def check_image_fit(image_fit: str) -> None:
    """Raises a `ValueError` where `image_fit` is none."""
    if image_fit not in get_args(ImageFit):
        raise ValueError(
            f"image_fit must be one of {get_args(ImageFit)}; received "
            f"{image_fit!r}"
        )


def fitted(
    image: tf.Tensor,
    orientation: tf.Tensor,
    size: tuple[int, int],
    image_fit: str,
) -> tf.Tensor:
    """Turns an image upright, and gives it a size.

    Turned last, where it is small; what is cut off is what would be cut off of
    the upright image.

    Args:
        image: `(height, width, 3)` uint8 tensor, as its file has it.
        orientation: Scalar, 1..8: of EXIF.
        size: Height and width of the result.
        image_fit: As `ImageFit` says.

    Returns:
        `(*size, 3)` uint8 tensor.
    """
    image = tf.cond(
        orientation == orientations.UPRIGHT,
        lambda: _fitted(image, size, image_fit),
        lambda: _turned(image, orientation, size, image_fit),
    )
    return tf.ensure_shape(image, (*size, 3))


def _fitted(
    image: tf.Tensor, size: tuple[int, int], image_fit: str
) -> tf.Tensor:
    part, scaled = _part_and_size(tf.shape(image)[:2], size, image_fit)
    begin = (tf.shape(image)[:2] - part) // 2
    return _padded(_resized_part(image, begin, part, scaled), size, image_fit)


def _turned(
    image: tf.Tensor,
    orientation: tf.Tensor,
    size: tuple[int, int],
    image_fit: str,
) -> tf.Tensor:
    is_transposed = orientations.is_transposed(orientation)

    def exchanged(pair: tf.Tensor) -> tf.Tensor:
        return tf.where(is_transposed, tf.reverse(pair, [0]), pair)

    seen = exchanged(tf.shape(image)[:2])
    part, scaled = _part_and_size(seen, size, image_fit)
    # The odd pixel is left at the end, which is a beginning where mirrored.
    is_mirrored = tf.stack(orientations.is_mirrored(orientation))
    free = seen - part
    begin = tf.where(is_mirrored, free - free // 2, free // 2)
    image = _resized_part(
        image, exchanged(begin), exchanged(part), exchanged(scaled)
    )
    return _padded(orientations.upright(image, orientation), size, image_fit)


def _part_and_size(
    seen: tf.Tensor, size: tuple[int, int], image_fit: str
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the size of what is kept, and what that is resized to."""
    if image_fit == "crop":
        return _largest_part(seen, size), tf.constant(size)
    if image_fit == "pad":
        return seen, _largest_part(size, seen)
    return seen, tf.constant(size)


def _padded(
    image: tf.Tensor, size: tuple[int, int], image_fit: str
) -> tf.Tensor:
    if image_fit != "pad":
        return image
    free = tf.constant(size) - tf.shape(image)[:2]
    bars = tf.stack([free // 2, free - free // 2], axis=1)
    return tf.pad(image, tf.concat([bars, [[0, 0]]], axis=0))


def _largest_part(
    whole: tf.Tensor | tuple[int, int], shape: tf.Tensor | tuple[int, int]
) -> tf.Tensor:
    """Returns the largest size of the shape of another one inside a whole."""
    if isinstance(shape, tuple) and shape[0] == shape[1]:
        side = tf.reduce_min(whole)
        return tf.stack([side, side])
    height, width = tf.unstack(tf.cast(whole, tf.int64))
    tall, wide = tf.unstack(tf.cast(shape, tf.int64))
    part = [
        tf.minimum(height, width * tall // wide),
        tf.minimum(width, height * wide // tall),
    ]
    return tf.cast(tf.maximum(tf.stack(part), 1), tf.int32)


def _resized_part(
    image: tf.Tensor, begin: tf.Tensor, part: tf.Tensor, size: tf.Tensor
) -> tf.Tensor:
    image = tf.slice(
        image, tf.pad(begin, [[0, 1]]), tf.concat([part, [3]], axis=0)
    )
    # An image of that size already would not change, but take its time.
    return tf.cond(
        tf.reduce_all(part == size),
        lambda: image,
        lambda: _resized(image, size),
    )


def _resized(image: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    image = tf.image.resize(image, size, antialias=True)
    return tf.saturate_cast(tf.round(image), tf.uint8)
