"""Files of any kind to files that the graph decodes, by Pillow."""

import importlib
import io
import warnings
from typing import Any, NamedTuple

from keras_dvml import extras
from keras_dvml.data import image_headers, images

# Kinds whose reading by Pillow runs no other program and needs no name.
_FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "MPO", "PNG", "TIFF", "WEBP")
# TensorFlow reads their files, in the flavours that are common, as Pillow does.
_NAMES = {"HEIF": "HEIC", "WEBP": "WebP", "MPO": "JPEG"}


class ReadableImage(NamedTuple):
    """An image file that `decode_image` reads.

    Attributes:
        image_bytes: The file as it came, or a PNG file of what it shows.
        changes: What happens to it on the way to pixels, in words such as
            `"turned"`, `"first frame of several"`, `"converted from HEIC"`.
        is_square: Whether cutting it to a square leaves it whole.
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
        from PIL import Image, ImageOps
    except ImportError:
        raise ValueError(reason + remedy) from None
    has_heif = _register_heif()
    with warnings.catch_warnings():
        # Of damaged EXIF data and of large images: what is refused is told.
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(image_bytes), formats=_FORMATS) as image:
                kind = image.format or ""
                if image.width * image.height > image_headers.MAX_PIXELS:
                    raise ValueError(
                        f"{image_headers.AT_MOST} {image_headers.MAX_PIXELS} "
                        "pixels; received height and width "
                        f"{image.height} {image.width}"
                    )
                frames = getattr(image, "n_frames", 1)
                upright = ImageOps.exif_transpose(image)
                rgb = _rgb(upright)
        except Image.UnidentifiedImageError:
            if "HEIC" in reason and not has_heif:
                reason += remedy
            raise ValueError(reason) from None
        except ValueError:
            raise
        except Exception as error:  # Pillow's plugins raise what they like.
            raise ValueError(f"corrupt image: {error}") from None
    changes = [f"converted from {_NAMES.get(kind, kind)}"]
    if upright.size != image.size or image.getexif().get(0x0112, 1) != 1:
        changes.append("turned")
    if frames > 1:
        changes.append("first frame of several")
    file = io.BytesIO()
    # Little compressed: records are compressed again.
    rgb.save(file, "PNG", compress_level=1)
    return ReadableImage(
        file.getvalue(), tuple(changes), rgb.width == rgb.height
    )


def _rgb(image: Any) -> Any:
    """Returns an image of eight bits a colour; of sixteen, the high ones."""
    if image.mode.startswith("I;16"):
        # `convert` makes white of all but the darkest 256 values.
        from PIL import Image

        image = Image.fromarray((_array(image) >> 8).astype("uint8"))
    return image.convert("RGB")


def _array(image: Any) -> Any:
    import numpy as np

    return np.asarray(image)


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
