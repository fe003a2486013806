"""What a file will decode to, by its first bytes, in a graph or outside.

A few kilobytes can decode to gigabytes, or keep a processor busy for minutes,
and some flavours of a kind are decoded wrongly, or end the process. What a file
is must be known before it is decoded, and in the graph itself: nobody else
checks what a served model receives.
"""

import re
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_dvml.data import gif_frames, jpeg_segments, orientation
from keras_dvml.data.image_bytes import holds, number

#: Images with more pixels than this are refused: 64 megapixels.
MAX_PIXELS = 64_000_000

#: Whether this TensorFlow decodes WebP: 2.20 does, 2.15 does not.
DECODES_WEBP = hasattr(tf.raw_ops, "DecodeWebP")

#: What is decoded, in words.
KINDS = (
    "JPEG, PNG, GIF, BMP or WebP" if DECODES_WEBP else "JPEG, PNG, GIF or BMP"
)

#: How the refusal begins of what is an image, but costs too much.
AT_MOST = "an image must have at most"

JPEG, PNG, GIF, BMP, WEBP, AVIF, HEIC, TIFF, OTHER = range(9)

_NAMES = (
    "JPEG", "PNG", "GIF", "BMP", "WebP", "AVIF", "HEIC", "TIFF", "other bytes",
)  # fmt: skip

# Of kinds that are decoded, what is not.
_FLAVOURS = (
    "", "", "a GIF with a first frame that leaves part of its screen free",
    "a BMP of fewer than 24 bits a pixel, or a packed one", "an animated WebP",
    "", "", "", "",
)  # fmt: skip

# What files of these kinds begin with; "." is any byte.
_SIGNATURES = (
    (b"\xff\xd8\xff.........", JPEG),
    (b"\x89PNG\r\n\x1a\n....", PNG),
    (b"GIF8........", GIF),
    (b"BM..........", BMP),
    (b"RIFF....WEBP", WEBP),
    (b"....ftypavif", AVIF),
    (b"....ftypavis", AVIF),
    (b"....ftyphei.", HEIC),
    (b"....ftyphev.", HEIC),
    (b"....ftypmif1", HEIC),
    (b"....ftypmsf1", HEIC),
    (b"II*\0........", TIFF),
    (b"MM\0*........", TIFF),
)

_HEAD_BYTES = 36

_BEGINNINGS = re.compile(
    b"|".join(
        re.escape(begin).replace(rb"\.", b".") for begin, _ in _SIGNATURES
    ),
    re.DOTALL,
)


def begins_as_image(image_bytes: bytes) -> bool:
    """Returns whether bytes begin as those of an image of some kind do."""
    return _BEGINNINGS.match(image_bytes) is not None


class ImageFile(NamedTuple):
    """An image file that is safe to decode, as tensors.

    Attributes:
        image_bytes: Scalar string: the file, of a GIF the first frame alone.
        kind: Scalar int32: which of the kinds of this module.
        num_pixels: Scalar float64: how many it decodes to.
        orientation: Scalar int32, 1..8: of EXIF, as the file is stored.
    """

    image_bytes: tf.Tensor
    kind: tf.Tensor
    num_pixels: tf.Tensor
    orientation: tf.Tensor


def guarded(image_bytes: tf.Tensor) -> ImageFile:
    """Returns what is to be decoded, if that is safe.

    Args:
        image_bytes: Scalar string.

    Raises:
        tf.errors.InvalidArgumentError: If the bytes are not an image of a
            kind and flavour that is decoded here, hold more than `MAX_PIXELS`
            pixels, or of a JPEG more scans than
            `jpeg_segments.MAX_SCANNED_PIXELS` allow.
    """
    head = _head(image_bytes)
    kind = _kind(head)
    must_be = f"an image must be {KINDS}; received"
    is_decoded = kind < (AVIF if DECODES_WEBP else WEBP)
    known = tf.debugging.Assert(is_decoded, [must_be, tf.gather(_NAMES, kind)])
    with tf.control_dependencies([known]):
        header = _header(image_bytes, head, kind)
    image_bytes, size, is_plain, turned = header
    no_size = "corrupt image: its header must hold a size; received"
    whole = tf.debugging.Assert(tf.reduce_all(size > 0), [no_size, size])
    num_pixels = _num_pixels(size)
    too_large = f"{AT_MOST} {MAX_PIXELS} pixels; received height and width"
    small = tf.debugging.Assert(num_pixels <= MAX_PIXELS, [too_large, size])
    with tf.control_dependencies([whole, small]):
        flavour = tf.gather(_FLAVOURS, kind)
    plain = tf.debugging.Assert(is_plain, [must_be, flavour])
    with tf.control_dependencies([plain]):
        return ImageFile(tf.identity(image_bytes), kind, num_pixels, turned)


def _head(image_bytes: tf.Tensor) -> tf.Tensor:
    """Returns the first bytes as numbers; behind a shorter file, zeros."""
    return tf.io.decode_raw(image_bytes, tf.uint8, fixed_length=_HEAD_BYTES)


def _kind(head: tf.Tensor) -> tf.Tensor:
    signatures = np.array([list(begin) for begin, _ in _SIGNATURES], np.uint8)
    fits = head[: signatures.shape[1]] == signatures
    fits |= signatures == ord(".")
    fits = tf.concat([tf.reduce_all(fits, axis=1), [True]], axis=0)
    first = tf.argmax(tf.cast(fits, tf.int32), output_type=tf.int32)
    return tf.gather([*(kind for _, kind in _SIGNATURES), OTHER], first)


def _header(
    image_bytes: tf.Tensor, head: tf.Tensor, kind: tf.Tensor
) -> list[tf.Tensor]:
    """Reads the header as its kind has it.

    Returns:
        What is to be decoded; its height and width; whether its flavour is
        decoded; and its orientation.
    """
    plain, upright = tf.constant(True), tf.constant(orientation.UPRIGHT)

    def jpeg_header():
        size = tf.io.extract_jpeg_shape(image_bytes, tf.int64)[:2]
        num_pixels = tf.clip_by_value(_num_pixels(size), 1, MAX_PIXELS)
        return (
            jpeg_segments.with_few_scans(image_bytes, num_pixels),
            size,
            plain,
            orientation.jpeg_orientation(image_bytes),
        )

    def png_header():
        turned = orientation.png_orientation(image_bytes)
        return tf.identity(image_bytes), _png_size(head), plain, turned

    def gif_header():
        return (*gif_frames.first_frame(image_bytes), upright)

    def bmp_header():
        size, is_plain = _bmp_size(head), _is_plain_bmp(head)
        return tf.identity(image_bytes), size, is_plain, upright

    def webp_header():
        turned = orientation.webp_orientation(image_bytes)
        is_plain = tf.logical_not(_is_animated_webp(head))
        return tf.identity(image_bytes), _webp_size(head), is_plain, turned

    image_bytes, size, is_plain, turned = tf.switch_case(
        tf.minimum(kind, WEBP),
        [jpeg_header, png_header, gif_header, bmp_header, webp_header],
    )
    return [image_bytes, tf.ensure_shape(size, (2,)), is_plain, turned]


def _num_pixels(size: tf.Tensor) -> tf.Tensor:
    # In floats, where no product is too large.
    return tf.reduce_prod(tf.cast(size, tf.float64))


def _height_width(
    head: tf.Tensor, place: int, num_bytes: int, big_endian: bool = False
) -> tf.Tensor:
    """Reads a width and a height that follow each other in a header."""
    parts = tf.reshape(head[place : place + 2 * num_bytes], (2, num_bytes))
    return tf.reverse(number(parts, big_endian), [0])


def _png_size(head: tf.Tensor) -> tf.Tensor:
    # Decoders accept other chunks before the one that holds the size.
    size = _height_width(head, 16, 4, big_endian=True)
    return tf.where(holds(head, 8, b"\0\0\0\rIHDR"), size, 0)


def _bmp_size(head: tf.Tensor) -> tf.Tensor:
    # A negative height counts the rows from the top.
    size = _height_width(head, 18, 4)
    return tf.minimum(size, 2**32 - size)


def _is_plain_bmp(head: tf.Tensor) -> tf.Tensor:
    """Returns whether three or four bytes are a pixel, one after the other."""
    header_bytes, bits = number(head[14:18]), number(head[28:30])
    is_coloured = (bits == 24) | (bits == 32)
    return (header_bytes >= 40) & is_coloured & (number(head[30:34]) == 0)


def _webp_size(head: tf.Tensor) -> tf.Tensor:
    sizes = [
        (holds(head, 12, b"VP8 "), lambda: _lossy_webp_size(head)),
        (holds(head, 12, b"VP8L"), lambda: _lossless_webp_size(head)),
        (holds(head, 12, b"VP8X"), lambda: 1 + _height_width(head, 24, 3)),
    ]
    return tf.case(sizes, default=lambda: tf.zeros(2, tf.int64))


def _is_animated_webp(head: tf.Tensor) -> tf.Tensor:
    # Its decoder frees memory twice where the colours have no alpha.
    is_extended = holds(head, 12, b"VP8X")
    return is_extended & (tf.bitwise.bitwise_and(head[20], 2) > 0)


def _lossy_webp_size(head: tf.Tensor) -> tf.Tensor:
    # The upper two bits are how to scale what was decoded.
    size = _height_width(head, 26, 2)
    return tf.bitwise.bitwise_and(size, tf.constant(0x3FFF, tf.int64))


def _lossless_webp_size(head: tf.Tensor) -> tf.Tensor:
    # Fourteen bits each, one less than width and height.
    height_width = tf.bitwise.right_shift(number(head[21:25]), [14, 0])
    return 1 + tf.bitwise.bitwise_and(height_width, 0x3FFF)
