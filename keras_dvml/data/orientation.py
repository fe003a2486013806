"""Which way up an image is: the orientation in its EXIF data."""

from collections.abc import Callable

import tensorflow as tf

from keras_dvml.data.image_bytes import (
    find_part,
    holds,
    length,
    num_occurrences,
    number,
    rarely,
    read,
)
from keras_dvml.data.jpeg_segments import exif_of_jpeg

#: The orientation of an image that is stored as it is to be seen.
UPRIGHT = 1

_TAG, _SHORT, _LONG = 0x0112, 3, 4
_ENTRY_BYTES = 12


def jpeg_orientation(jpeg: tf.Tensor) -> tf.Tensor:
    """Returns the orientation of a JPEG file, scalar int32 from 1 to 8."""
    return _orientation(jpeg, b"Exif\0\0", _of_jpeg)


def png_orientation(png: tf.Tensor) -> tf.Tensor:
    """Returns the orientation of a PNG file, scalar int32 from 1 to 8."""
    return _orientation(png, b"eXIf", _of_png)


def webp_orientation(webp: tf.Tensor) -> tf.Tensor:
    """Returns the orientation of a WebP file, scalar int32 from 1 to 8."""
    return _orientation(webp, b"EXIF", _of_webp)


def _orientation(
    file: tf.Tensor, mark: bytes, read_exif: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    return tf.cond(
        num_occurrences(file, mark, 1) > 0,
        lambda: read_exif(file),
        lambda: UPRIGHT,
    )


def is_transposed(orientation: tf.Tensor) -> tf.Tensor:
    """Returns whether rows are to become columns."""
    return orientation >= 5


def is_mirrored(orientation: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns whether rows, and whether columns, are to be reversed."""
    rows, columns = ([3, 4, 7, 8], [2, 3, 6, 7])
    return (
        tf.reduce_any(orientation == rows),
        tf.reduce_any(orientation == columns),
    )


def upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns an image as it is to be seen.

    Args:
        image: `(height, width, channels)` tensor, as it is stored.
        orientation: Scalar, 1..8: of EXIF.

    Returns:
        `(height, width, channels)` tensor, or `(width, height, channels)`
        where `is_transposed`.
    """

    def turned() -> tf.Tensor:
        seen = tf.cond(
            is_transposed(orientation),
            lambda: tf.transpose(image, (1, 0, 2)),
            lambda: tf.identity(image),
        )
        rows, columns = is_mirrored(orientation)
        return tf.reverse(seen, tf.where([rows, columns])[:, 0])

    return tf.cond(orientation == UPRIGHT, lambda: image, turned)


@rarely
def _of_jpeg(jpeg: tf.Tensor) -> tf.Tensor:
    return _exif_orientation(exif_of_jpeg(jpeg))


@rarely
def _of_png(png: tf.Tensor) -> tf.Tensor:
    def is_exif(head: tf.Tensor) -> tf.Tensor:
        return holds(head, 4, b"eXIf")

    place = find_part(
        png, 8, 8, lambda head: 12 + number(head[:4], True), is_exif
    )
    head = read(png, place, 8)
    size = tf.where(is_exif(head), number(head[:4], True), 0)
    return _exif_orientation(_content(png, place, size))


@rarely
def _of_webp(webp: tf.Tensor) -> tf.Tensor:
    def is_exif(head: tf.Tensor) -> tf.Tensor:
        return holds(head, 0, b"EXIF")

    def size_of_chunk(head: tf.Tensor) -> tf.Tensor:
        size = number(head[4:8])
        return 8 + size + tf.math.floormod(size, 2)

    place = find_part(webp, 12, 8, size_of_chunk, is_exif)
    head = read(webp, place, 8)
    size = tf.where(is_exif(head), number(head[4:8]), 0)
    exif = _content(webp, place, size)
    # Some write here what belongs into JPEG files alone.
    exif = tf.strings.regex_replace(exif, r"^(Exif\x00\x00)+", "")
    return _exif_orientation(exif)


def _content(file: tf.Tensor, place: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    begin = tf.minimum(place + 8, length(file))
    return tf.strings.substr(file, begin, size)


def _exif_orientation(exif: tf.Tensor) -> tf.Tensor:
    """Returns what EXIF data say; upright where they say nothing."""
    head = read(exif, 0, 8)
    is_big = holds(head, 0, b"MM\0*")
    is_exif = is_big | holds(head, 0, b"II*\0")
    # The first directory of tags, and its entries.
    place = number(head[4:8], is_big)
    count = number(read(exif, place, 2), is_big)
    begin = tf.minimum(place + 2, length(exif))
    entries = tf.strings.substr(exif, begin, _ENTRY_BYTES * count)
    entries = tf.io.decode_raw(entries, tf.uint8)
    whole = tf.size(entries) // _ENTRY_BYTES
    entries = tf.reshape(entries[: whole * _ENTRY_BYTES], (whole, _ENTRY_BYTES))
    kind = number(entries[:, 2:4], is_big)
    value = tf.where(
        kind == _SHORT,
        number(entries[:, 8:10], is_big),
        number(entries[:, 8:12], is_big),
    )
    is_sought = is_exif & (number(entries[:, :2], is_big) == _TAG)
    is_sought &= (kind == _SHORT) | (kind == _LONG)
    is_sought &= number(entries[:, 4:8], is_big) == 1
    found = tf.boolean_mask(value, is_sought)
    orientation = tf.concat([[UPRIGHT], tf.cast(found, tf.int32)], 0)[-1]
    is_known = (orientation >= 1) & (orientation <= 8)
    return tf.where(is_known, orientation, UPRIGHT)
