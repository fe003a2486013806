"""Encoded image bytes to square RGB images, in training and in serving."""

import re
import struct

import tensorflow as tf

#: Images with more pixels than this are refused: 64 megapixels.
MAX_PIXELS = 64_000_000


def decode_image(image_bytes, image_size):
    """Decodes, crops the centre square and resizes.

    Args:
        image_bytes: scalar string tensor: a JPEG, PNG, GIF (first frame) or
            BMP file.
        image_size: int. Height and width of the result in pixels.

    Returns:
        `(image_size, image_size, 3)` uint8 tensor, RGB.

    Raises:
        tf.errors.InvalidArgumentError: If the bytes are not such an image.
    """
    image = tf.io.decode_image(image_bytes, channels=3, expand_animations=False)
    image.set_shape([None, None, 3])
    height, width = tf.unstack(tf.shape(image)[:2])
    side = tf.minimum(height, width)
    image = tf.image.crop_to_bounding_box(
        image, (height - side) // 2, (width - side) // 2, side, side
    )
    image = tf.image.resize(image, (image_size, image_size), antialias=True)
    image = tf.saturate_cast(tf.round(image), tf.uint8)
    return tf.ensure_shape(image, (image_size, image_size, 3))


def decode_images(image_bytes, image_size):
    """Applies `decode_image` to each of a batch.

    Args:
        image_bytes: `(batch,)` string tensor.
        image_size: int. Height and width of the results in pixels.

    Returns:
        `(batch, image_size, image_size, 3)` uint8 tensor, RGB.
    """
    return tf.map_fn(
        lambda one: decode_image(one, image_size),
        image_bytes,
        fn_output_signature=tf.TensorSpec(
            (image_size, image_size, 3), tf.uint8
        ),
    )


def check_image(image_bytes):
    """Raises where bytes are not an image that can be used.

    Args:
        image_bytes: bytes. The content of a file.

    Raises:
        ValueError: With the reason: empty, not an image, more than
            `MAX_PIXELS` pixels, or corrupt.
    """
    if not image_bytes:
        raise ValueError("empty file")
    height, width = _size_in_header(image_bytes)
    # Checked before decoding, which would need the memory for all of it.
    if height * width > MAX_PIXELS:
        raise ValueError(
            f"{width} x {height} pixels; at most {MAX_PIXELS} are accepted"
        )
    try:
        tf.io.decode_image(image_bytes, channels=3, expand_animations=False)
    except tf.errors.InvalidArgumentError as error:
        # Without TensorFlow's names of nodes and operations.
        reason = re.sub(r"\{\{.*?\}\}|\[Op:.*", "", error.message).strip()
        raise ValueError(f"corrupt image: {reason}") from None


def _size_in_header(image_bytes):
    """Returns (height, width) as the file's header states them."""
    head = image_bytes[:32]
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack(">II", head[16:24])
        elif head[:6] in (b"GIF87a", b"GIF89a"):
            width, height = struct.unpack("<HH", head[6:10])
        elif head.startswith(b"BM"):
            width, height = map(abs, struct.unpack("<ii", head[18:26]))
        elif head.startswith(b"\xff\xd8\xff"):
            shape = tf.io.extract_jpeg_shape(image_bytes)
            height, width = shape.numpy()[:2].tolist()
        else:
            raise ValueError("not a JPEG, PNG, GIF or BMP image")
    except (struct.error, tf.errors.InvalidArgumentError):
        raise ValueError("corrupt image: its header cannot be read") from None
    return height, width
