"""Files of any kind to files that the graph decodes, by Pillow."""

import importlib
import io
import warnings
from typing import Any, NamedTuple

import numpy as np

from keras_dvml import extras
from keras_dvml.data import image_headers, images

_ORIENTATION = 0x0112
# Kinds whose reading by Pillow runs no other program and needs no name.
_FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "MPO", "PNG", "TIFF", "WEBP")
_NAMES = {"HEIF": "HEIC", "WEBP": "WebP", "MPO": "JPEG"}


class ReadableImage(NamedTuple):
    """An image file that `decode_image` reads.

    Attributes:
        image_bytes: The file as it came, or a PNG file of what it shows.
        changes: What happens to it on the way to pixels, in words such as
            `"turned"`, `"first frame of several"`, `"converted from HEIC"`.
        is_square: Whether cutting it to a square leaves it whole.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> png = tf.io.encode_png(tf.zeros((8, 9, 3), tf.uint8)).numpy()
        >>> readable = kd.data.readable_image(png)
        >>> readable.image_bytes == png, readable.changes, readable.is_square
        (True, (), False)
    """

    image_bytes: bytes
    changes: tuple[str, ...]
    is_square: bool


def readable_image(image_bytes: bytes) -> ReadableImage:
    """Checks a file, and converts it where TensorFlow cannot decode it.

    TIFF, AVIF, HEIC, animated WebP, and flavours of BMP and GIF that
    TensorFlow refuses or reads otherwise than Pillow does, become PNG files of
    the first frame, upright, RGB.

    Args:
        image_bytes: The content of a file.

    Returns:
        A file that `decode_image` reads, and what was done to it.

    Raises:
        ValueError: With the reason, as from `check_image`, where neither can
            read it.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> import keras_dvml as kd
        >>> file = io.BytesIO()
        >>> Image.new("CMYK", (4, 4)).save(file, "TIFF")
        >>> kd.data.readable_image(file.getvalue()).changes
        ('converted from TIFF',)
    """
    try:
        height, width, turn = images.read_shape(image_bytes)
    except ValueError as error:
        reason = str(error)
        if not image_bytes or reason.startswith(image_headers.AT_MOST):
            raise
        return _converted(image_bytes, reason)
    changes = []
    if turn != 1:
        changes.append("turned")
    if image_bytes[:4] == b"GIF8" and _num_frames(image_bytes) > 1:
        changes.append("first frame of several")
    return ReadableImage(image_bytes, tuple(changes), height == width)


def _converted(image_bytes: bytes, reason: str) -> ReadableImage:
    """Returns what Pillow reads, or raises with the reason that it must."""
    remedy = f"; to convert it: {extras.install_command('images')}"
    try:
        import PIL.Image
    except ImportError:
        raise ValueError(reason + remedy) from None
    has_heif = _register_heif()
    with warnings.catch_warnings():
        # Of damaged EXIF data and of large images: what is refused is told.
        warnings.simplefilter("ignore")
        try:
            image, changes = _read_by_pillow(image_bytes)
        except PIL.Image.DecompressionBombError as error:
            raise ValueError(_too_large(str(error))) from None
        except PIL.UnidentifiedImageError:
            needs_heif = "HEIC" in reason and not has_heif
            raise ValueError(reason + remedy * needs_heif) from None
        except _Refused as error:
            raise ValueError(str(error)) from None
        except Exception as error:  # Pillow's plugins raise what they like.
            raise ValueError(f"corrupt image: {error}") from None
    file = io.BytesIO()
    # Little compressed: records are compressed again.
    image.save(file, "PNG", compress_level=1)
    is_square = image.width == image.height
    return ReadableImage(file.getvalue(), tuple(changes), is_square)


class _Refused(Exception):
    """Of an image that could be read, and must not be."""


def _read_by_pillow(image_bytes: bytes) -> tuple[Any, list[str]]:
    """Returns the first frame, upright, RGB, and what was done."""
    from PIL import Image, ImageOps

    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    with Image.open(io.BytesIO(image_bytes), formats=formats) as image:
        kind = image.format or ""
        if image.width * image.height > image_headers.MAX_PIXELS:
            size = f"height and width {image.height} {image.width}"
            raise _Refused(_too_large(size))
        changes = [f"converted from {_NAMES.get(kind, kind)}"]
        if image.getexif().get(_ORIENTATION, 1) in range(2, 9):
            changes.append("turned")
        if getattr(image, "n_frames", 1) > 1:
            changes.append("first frame of several")
        upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16"):
        # `convert` makes white of all but the darkest 256 values.
        high = np.asarray(upright) >> 8
        upright = Image.fromarray(high.astype(np.uint8))
    return upright.convert("RGB"), changes


def _too_large(received: str) -> str:
    most = image_headers.MAX_PIXELS
    return f"{image_headers.AT_MOST} {most} pixels; received {received}"


def _num_frames(image_bytes: bytes) -> int:
    try:
        from PIL import Image

        with Image.open(io.BytesIO(image_bytes), formats=("GIF",)) as image:
            return getattr(image, "n_frames", 1)
    except (ImportError, OSError, ValueError):
        return 1


def _register_heif() -> bool:
    """Makes Pillow read HEIC, where the package for it is there."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return False
    return True
