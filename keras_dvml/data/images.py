"""Encoded image bytes to RGB images, in training and in serving."""

import re

import tensorflow as tf

from keras_dvml.data.image_fit import (
    ImageFit,
    ImageSize,
    check_image_fit,
    fitted,
    height_and_width,
)
from keras_dvml.data.image_headers import (
    BMP,
    GIF,
    JPEG,
    PNG,
    WEBP,
    ImageFile,
    guarded,
)

# Pixels of an image that others of its kind must not be decoded beside.
_LARGE = 16_000_000


def decode_image(
    image_bytes: tf.Tensor | bytes,
    image_size: ImageSize,
    image_fit: ImageFit = "crop",
) -> tf.Tensor:
    """Decodes, turns upright and fits to a size.

    The orientation in the EXIF data of JPEG, PNG and WebP files is applied.
    JPEG files decode to what Pillow makes of them, value by value, of CMYK
    within 1.

    Args:
        image_bytes: Scalar string: a JPEG, PNG, GIF (first frame) or BMP
            file, or WebP where TensorFlow decodes it (2.20 does, 2.15 not), of
            at most 64 megapixels.
        image_size: Height and width of the result in pixels, or the side of
            a square.
        image_fit: What happens to an image of another shape: `"crop"` takes
            the largest part in its centre, `"pad"` all of it with black bars,
            `"stretch"` all of it, resized by different factors.

    Returns:
        `(height, width, 3)` uint8 tensor, RGB.

    Raises:
        ValueError: If `image_size` or `image_fit` is none.
        tf.errors.InvalidArgumentError: If the bytes are not such an image, or
            a JPEG file of too many scans. No memory is taken for one that is
            too large.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> png = tf.io.encode_png(tf.zeros((20, 30, 3), tf.uint8))
        >>> kd.data.decode_image(png, image_size=16).shape
        TensorShape([16, 16, 3])
        >>> kd.data.decode_image(png, (16, 24), image_fit="pad").shape
        TensorShape([16, 24, 3])
    """
    size = height_and_width(image_size)
    check_image_fit(image_fit)
    file = guarded(tf.convert_to_tensor(image_bytes))
    return fitted(decoded(file), file.orientation, size, image_fit)


def decode_images(
    image_bytes: tf.Tensor,
    image_size: ImageSize,
    image_fit: ImageFit = "crop",
) -> tf.Tensor:
    """Applies `decode_image` to each of a batch.

    Up to ten images are decoded at once, but of those with more than 16
    megapixels one after the other: a batch of huge images takes the memory of
    two.

    Args:
        image_bytes: `(batch,)` strings.
        image_size: As for `decode_image`.
        image_fit: As for `decode_image`.

    Returns:
        `(batch, height, width, 3)` uint8 tensor, RGB.

    Raises:
        ValueError: As from `decode_image`.
        tf.errors.InvalidArgumentError: If any is not such an image.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> png = tf.io.encode_png(tf.zeros((20, 30, 3), tf.uint8))
        >>> kd.data.decode_images(tf.stack([png, png]), image_size=16).shape
        TensorShape([2, 16, 16, 3])
    """
    size = height_and_width(image_size)
    check_image_fit(image_fit)
    batch = tf.shape(image_bytes)[0]
    images = tf.TensorArray(tf.uint8, batch, element_shape=(*size, 3))

    def decode(place, turn, images):
        image, turn = _decoded_in_turn(
            image_bytes[place], size, image_fit, turn
        )
        return place + 1, turn, images.write(place, image)

    _, _, images = tf.while_loop(
        lambda place, *_: place < batch, decode, (0, 0, images)
    )
    return tf.ensure_shape(images.stack(), (image_bytes.shape[0], *size, 3))


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
    read_shape(image_bytes)


def read_shape(image_bytes: bytes) -> tuple[int, int, int]:
    """Decodes an image, and returns its stored height, width and orientation.

    Args:
        image_bytes: The content of a file.

    Raises:
        ValueError: As from `check_image`.
    """
    if not image_bytes:
        raise ValueError("empty file")
    try:
        height, width, turned = _shape(tf.constant(image_bytes)).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(_reason(error.message)) from None
    return int(height), int(width), int(turned)


def _decoded_in_turn(
    image_bytes: tf.Tensor,
    size: tuple[int, int],
    image_fit: ImageFit,
    turn: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes an image, a large one after the large one before it.

    Args:
        image_bytes: Scalar string.
        size: Height and width of the result.
        image_fit: As for `decode_image`.
        turn: Scalar, there as soon as the last large image is done.

    Returns:
        The image, and the turn of the next large one.
    """
    file = guarded(image_bytes)
    large = file.num_pixels > _LARGE
    waiting = tf.cond(
        large,
        lambda: _after(turn, file.image_bytes),
        lambda: tf.identity(file.image_bytes),
    )
    image = decoded(file._replace(image_bytes=waiting))
    image = fitted(image, file.orientation, size, image_fit)
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


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def opened(image_bytes: tf.Tensor) -> ImageFile:
    """Returns `image_headers.guarded`, as fast as in a graph."""
    return guarded(image_bytes)


def decoded(file: ImageFile) -> tf.Tensor:
    """Decodes a file as it is stored, `(height, width, 3)` uint8."""

    def decoded_jpeg() -> tf.Tensor:
        return tf.io.decode_jpeg(
            file.image_bytes, channels=3, dct_method="INTEGER_ACCURATE"
        )

    def any_kind(channels: int) -> tf.Tensor:
        return tf.io.decode_image(
            file.image_bytes, channels=channels, expand_animations=False
        )

    # Where there may be transparency three channels cannot be requested. The
    # stubs for type checkers know no "...".
    def decoded_colours() -> tf.Tensor:
        return any_kind(0)[..., :3]  # pyright: ignore[reportArgumentType]

    image = tf.switch_case(
        file.kind,
        {
            JPEG: decoded_jpeg,
            PNG: lambda: any_kind(3),
            GIF: lambda: any_kind(3),
            BMP: decoded_colours,
            WEBP: decoded_colours,
        },
    )
    return tf.ensure_shape(image, [None, None, 3])


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def _shape(image_bytes: tf.Tensor) -> tf.Tensor:
    """Returns height, width and orientation of an image that decodes."""
    file = guarded(image_bytes)
    height_width = tf.shape(decoded(file))[:2]
    return tf.concat([height_width, [file.orientation]], axis=0)


def _reason(message: str) -> str:
    """Returns an error's message without TensorFlow's names of nodes."""
    refused = re.search(r"assertion failed: (.*\])", message)
    if refused:
        return re.sub(r"[\[\]]", "", refused[1])
    # The sentence is between the lines of code and the node's name.
    found = re.search(r"([^\n]+)\s*\[\[\{\{node", message)
    return f"corrupt image: {(found[1] if found else message).strip()}"
