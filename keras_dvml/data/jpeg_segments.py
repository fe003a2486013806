"""Segments of JPEG files, in a graph or outside.

A file of many scans costs the decoder a pass over all pixels for each, and a
scan of nothing takes ten bytes: 400 KB kept a processor busy for half a minute.
"""

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

#: Pixels times scans of a JPEG file, at most: those of the largest image in a
#: hundred scans, ten times what programs write.
MAX_SCANNED_PIXELS = 100 * 64_000_000

_MAX_SCANS = 65_535
_BYTES_OF_SCAN = 10  # at least
# A segment is a mark of two bytes, its length in two more, and its content.
_NUM_BYTES = 10
_APP1 = 0xE1


def with_few_scans(jpeg: tf.Tensor, num_pixels: tf.Tensor) -> tf.Tensor:
    """Returns a JPEG file that holds no more scans than it may.

    Args:
        jpeg: Scalar string.
        num_pixels: Scalar float64, height times width.

    Returns:
        Scalar string: the same, or without what lies behind the image, such as
        the film of a photograph that moves.

    Raises:
        tf.errors.InvalidArgumentError: If scans times pixels are more than
            `MAX_SCANNED_PIXELS`.
    """
    most = tf.cast(MAX_SCANNED_PIXELS / num_pixels, tf.int64)
    most = tf.minimum(most, _MAX_SCANS)
    # Counting reads the whole file: small ones need none.
    return tf.cond(
        length(jpeg) <= _BYTES_OF_SCAN * most,
        lambda: tf.identity(jpeg),
        lambda: _counted(jpeg, most),
    )


def exif_of_jpeg(jpeg: tf.Tensor) -> tf.Tensor:
    """Returns the EXIF data of a JPEG file, "" where it has none."""
    place = _find_segment(jpeg, lambda head: _is_exif(head) | _ends(head))
    head = read(jpeg, place, _NUM_BYTES)
    size = tf.where(_is_exif(head), number(head[2:4], True) - 8, 0)
    begin = tf.minimum(place + 10, length(jpeg))
    return tf.strings.substr(jpeg, begin, tf.maximum(size, 0))


def _counted(jpeg: tf.Tensor, most: tf.Tensor) -> tf.Tensor:
    jpeg, num_scans = tf.cond(
        _num_scans(jpeg) <= most,
        lambda: (tf.identity(jpeg), tf.zeros((), tf.int64)),
        lambda: _image_alone(jpeg),
    )
    few = tf.debugging.Assert(
        num_scans <= most,
        ["an image must have at most", most, "scans; received more"],
    )
    with tf.control_dependencies([few]):
        return tf.identity(jpeg)


@rarely
def _image_alone(jpeg: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns a JPEG file without what lies behind, and its scans."""
    begin = _find_segment(jpeg, _ends)
    header = tf.strings.substr(jpeg, tf.zeros((), tf.int64), begin)
    scans = tf.strings.substr(jpeg, begin, length(jpeg))
    # Whatever follows this mark, the decoder does not see it.
    scans = tf.strings.split(scans[None], b"\xff\xd9", maxsplit=1)[0][0]
    image = tf.strings.join([header, scans, b"\xff\xd9"])
    return image, _num_scans(scans)


def _num_scans(jpeg: tf.Tensor) -> tf.Tensor:
    return num_occurrences(jpeg, b"\xff\xda", _MAX_SCANS + 1)


def _find_segment(jpeg, is_sought):
    return find_part(jpeg, 2, _NUM_BYTES, _size_of_segment, is_sought)


def _size_of_segment(head: tf.Tensor) -> tf.Tensor:
    # A mark may be filled up by more bytes of 255 in front.
    is_segment = head[1] != 0xFF
    return 1 + tf.where(is_segment, 1 + number(head[2:4], True), 0)


def _is_exif(head: tf.Tensor) -> tf.Tensor:
    return (head[1] == _APP1) & holds(head, 4, b"Exif\0\0")


def _ends(head: tf.Tensor) -> tf.Tensor:
    """Returns whether a scan begins here, or anything but a segment."""
    mark, is_filling = head[1], head[1] == 0xFF
    has_length = (mark > 1) & ((mark < 0xD0) | (mark > 0xDA))
    has_length &= is_filling | (number(head[2:4], True) >= 2)
    return (head[0] != 0xFF) | tf.logical_not(has_length)
