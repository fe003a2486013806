"""Encoded image bytes to square RGB images, in training and in serving."""

import re

import tensorflow as tf

from keras_dvml.data.image_headers import DECODES_WEBP, guarded, is_webp

# Pixels of an image that others of its kind must not be decoded beside.
_LARGE = 16_000_000


def decode_image(image_bytes: tf.Tensor | bytes, image_size: int) -> tf.Tensor:
    """Decodes, crops the centre square and resizes.

    Args:
        image_bytes: Scalar string: a JPEG, PNG, GIF (first frame) or BMP
            file, or WebP where TensorFlow decodes it (2.20 does, 2.15 not), of
            at most 64 megapixels.
        image_size: Height and width of the result in pixels.

    Returns:
        `(image_size, image_size, 3)` uint8 tensor, RGB.

    Raises:
        tf.errors.InvalidArgumentError: If the bytes are not such an image. No
            memory is taken for one that is too large.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> png = tf.io.encode_png(tf.zeros((20, 30, 3), tf.uint8))
        >>> kd.data.decode_image(png, image_size=16).shape
        TensorShape([16, 16, 3])
    """
    guarded_bytes, _ = guarded(tf.convert_to_tensor(image_bytes))
    return _square(_decoded(guarded_bytes), image_size)


def decode_images(image_bytes: tf.Tensor, image_size: int) -> tf.Tensor:
    """Applies `decode_image` to each of a batch.

    Up to ten images are decoded at once, but of those with more than 16
    megapixels one after the other: a batch of huge images takes the memory of
    two.

    Args:
        image_bytes: `(batch,)` strings.
        image_size: Height and width of the results in pixels.

    Returns:
        `(batch, image_size, image_size, 3)` uint8 tensor, RGB.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> png = tf.io.encode_png(tf.zeros((20, 30, 3), tf.uint8))
        >>> kd.data.decode_images(tf.stack([png, png]), image_size=16).shape
        TensorShape([2, 16, 16, 3])
    """
    size = tf.shape(image_bytes)[0]
    shape = (image_size, image_size, 3)
    images = tf.TensorArray(tf.uint8, size, element_shape=shape)

    def decode(place, turn, images):
        image, turn = _decoded_in_turn(image_bytes[place], image_size, turn)
        return place + 1, turn, images.write(place, image)

    _, _, images = tf.while_loop(
        lambda place, *_: place < size, decode, (0, 0, images)
    )
    return tf.ensure_shape(images.stack(), (image_bytes.shape[0], *shape))


def check_image(image_bytes: bytes) -> None:
    """Raises where bytes are not an image that can be used.

    Args:
        image_bytes: The content of a file.

    Raises:
        ValueError: With the reason: empty, not an image, more than 64
            megapixels, or corrupt.

    Example:
        >>> import keras_dvml as kd
        >>> kd.data.check_image(b"")
        Traceback (most recent call last):
        ValueError: empty file
    """
    if not image_bytes:
        raise ValueError("empty file")
    try:
        _decode(tf.constant(image_bytes))
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(_reason(error.message)) from None


def _decoded_in_turn(
    image_bytes: tf.Tensor, image_size: int, turn: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes an image, a large one after the large one before it.

    Args:
        image_bytes: Scalar string.
        image_size: As for `decode_image`.
        turn: Scalar, there as soon as the last large image is done.

    Returns:
        The image, and the turn of the next large one.
    """
    image_bytes, num_pixels = guarded(image_bytes)
    large = num_pixels > _LARGE
    image_bytes = tf.cond(
        large,
        lambda: _after(turn, image_bytes),
        lambda: tf.identity(image_bytes),
    )
    image = _square(_decoded(image_bytes), image_size)
    # On lines of their own, or AutoGraph warns that it cannot tell them apart.
    turn = tf.cond(
        large,
        lambda: _after(image, turn),
        lambda: turn,
    )
    return image, turn


def _after(first: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    # A branch waits for what it captures, not for other tensors outside.
    with tf.control_dependencies([tf.identity(first)]):
        return tf.identity(value)


def _square(image: tf.Tensor, image_size: int) -> tf.Tensor:
    height, width = tf.unstack(tf.shape(image)[:2])
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    image = image[top : top + side, left : left + side]
    # An image of that size already would not change, but take its time.
    image = tf.cond(
        side == image_size,
        lambda: image,
        lambda: _resized(image, image_size),
    )
    return tf.ensure_shape(image, (image_size, image_size, 3))


def _resized(image: tf.Tensor, image_size: int) -> tf.Tensor:
    image = tf.image.resize(image, (image_size, image_size), antialias=True)
    return tf.saturate_cast(tf.round(image), tf.uint8)


def _decoded(image_bytes: tf.Tensor) -> tf.Tensor:
    def decoded(channels: int) -> tf.Tensor:
        return tf.io.decode_image(
            image_bytes, channels=channels, expand_animations=False
        )

    if DECODES_WEBP:
        # Of one with transparency three channels cannot be requested. The
        # stubs for type checkers know no "...".
        image = tf.cond(
            is_webp(image_bytes),
            lambda: decoded(0)[..., :3],  # pyright: ignore[reportArgumentType]
            lambda: decoded(3),
        )
    else:
        image = decoded(3)
    return tf.ensure_shape(image, [None, None, 3])


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def _decode(image_bytes: tf.Tensor) -> tf.Tensor:
    image_bytes, _ = guarded(image_bytes)
    return _decoded(image_bytes)


def _reason(message: str) -> str:
    """Returns an error's message without TensorFlow's names of nodes."""
    refused = re.search(r"assertion failed: (.*\])", message)
    if refused:
        return re.sub(r"[\[\]]", "", refused[1])
    # The sentence is between the lines of code and the node's name.
    found = re.search(r"([^\n]+)\s*\[\[\{\{node", message)
    return f"corrupt image: {(found[1] if found else message).strip()}"
