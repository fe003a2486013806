"""How large an image is, by its first bytes, in a graph or outside.

A few kilobytes can decode to gigabytes. What a file will decode to must be
known before it is decoded, and in the graph itself: nobody else checks what a
served model receives.
"""

import re

import numpy as np
import tensorflow as tf

#: Images with more pixels than this are refused: 64 megapixels.
MAX_PIXELS = 64_000_000

#: Whether this TensorFlow decodes WebP: 2.20 does, 2.15 does not.
DECODES_WEBP = hasattr(tf.raw_ops, "DecodeWebP")

#: What is decoded, in words.
KINDS = (
    "JPEG, PNG, GIF, BMP or WebP" if DECODES_WEBP else "JPEG, PNG, GIF or BMP"
)

_JPEG, _PNG, _GIF, _BMP, _WEBP, _OTHER = range(6)

# What files of these kinds begin with, in the same order; "." is any byte.
_SIGNATURES = (
    b"\xff\xd8\xff.........",
    b"\x89PNG\r\n\x1a\n....",
    b"GIF8........",
    b"BM..........",
    b"RIFF....WEBP",
)


_BEGINNINGS = re.compile(
    b"|".join(re.escape(one).replace(rb"\.", b".") for one in _SIGNATURES),
    re.DOTALL,
)


def begins_as_image(image_bytes: bytes) -> bool:
    """Returns whether bytes begin as those of an image of some kind do."""
    return _BEGINNINGS.match(image_bytes) is not None


def is_webp(image_bytes: tf.Tensor) -> tf.Tensor:
    """Returns whether the bytes begin as a WebP file does."""
    return _kind(_head(image_bytes)) == _WEBP


def guarded(image_bytes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns what is to be decoded, if that is safe.

    Args:
        image_bytes: Scalar string.

    Returns:
        The same scalar string, of a GIF the first frame alone; and a scalar
        float64, the pixels that it will decode to.

    Raises:
        tf.errors.InvalidArgumentError: If the bytes are not an image of a
            kind that is decoded here, or hold more than `MAX_PIXELS` pixels.
    """
    kind = _kind(_head(image_bytes))
    must_be = f"an image must be {KINDS}; received"
    known = tf.debugging.Assert(kind != _OTHER, [f"{must_be} other bytes"])
    is_decoded = (kind != _WEBP) | DECODES_WEBP
    decoded = tf.debugging.Assert(is_decoded, [f"{must_be} WebP"])
    with tf.control_dependencies([known, decoded]):
        image_bytes = tf.cond(
            kind == _GIF,
            lambda: first_frame(image_bytes),
            lambda: tf.identity(image_bytes),
        )
    size = _size(image_bytes, kind)
    no_size = "corrupt image: its header must hold a size; received"
    whole = tf.debugging.Assert(tf.reduce_all(size > 0), [no_size, size])
    # In floats, where no product is too large.
    num_pixels = tf.reduce_prod(tf.cast(size, tf.float64))
    too_large = (
        f"an image must have at most {MAX_PIXELS} pixels; received height and "
        "width"
    )
    small = tf.debugging.Assert(num_pixels <= MAX_PIXELS, [too_large, size])
    with tf.control_dependencies([whole, small]):
        return tf.identity(image_bytes), num_pixels


def first_frame(gif: tf.Tensor) -> tf.Tensor:
    """Returns a GIF file cut off behind its first frame.

    The decoder unpacks every frame, also where only the first is asked for.

    Args:
        gif: Scalar string.

    Returns:
        Scalar string: `gif` where no frame begins.
    """
    reader = _GifReader(gif)
    begin = reader.first_image()
    return tf.cond(
        reader.byte(begin) == reader.IMAGE,
        lambda: tf.strings.join(
            [tf.strings.substr(gif, 0, reader.end_of_image(begin)), ";"]
        ),
        lambda: tf.identity(gif),
    )


class _GifReader:
    """Walks through the blocks of a GIF file; behind its end are zeros.

    A file may have a block for every third byte. All places are followed at
    once, twice as far in each step: block by block, a megabyte would keep a
    server busy for half a minute.
    """

    EXTENSION, IMAGE = 0x21, 0x2C

    def __init__(self, gif: tf.Tensor) -> None:
        self._bytes = tf.io.decode_raw(tf.strings.join([gif, "\0"]), tf.uint8)
        self._last = tf.size(self._bytes) - 1
        self._places = tf.range(self._last + 1)
        self._numbers = tf.cast(self._bytes, tf.int32)
        # Each sub-block begins with its length; one of length 0 ends them.
        behind = self._places + 1 + self._numbers
        self._ends = self._chain_ends(self._numbers > 0, behind)

    def byte(self, place: tf.Tensor | int) -> tf.Tensor:
        """Returns the byte at a place as a number."""
        return tf.gather(self._numbers, tf.minimum(place, self._last))

    def number(self, place: tf.Tensor | int) -> tf.Tensor:
        """Returns the number that the two bytes at a place are."""
        return self.byte(place) + 256 * self.byte(place + 1)

    def first_image(self) -> tf.Tensor:
        """Returns the place of the first block that is no extension."""
        behind = self._chain_ends(
            self._numbers == self.EXTENSION,
            self._behind_sub_blocks(self._places + 2),
        )
        begin = 13 + self._palette_length(10)
        return tf.gather(behind, tf.minimum(begin, self._last))

    def end_of_image(self, begin: tf.Tensor) -> tf.Tensor:
        """Returns the place behind the image block at `begin`."""
        flags = begin + 9
        # Behind the palette come the code size and the image itself.
        content = flags + 1 + self._palette_length(flags) + 1
        return self._behind_sub_blocks(content)

    def _behind_sub_blocks(self, place: tf.Tensor) -> tf.Tensor:
        return 1 + tf.gather(self._ends, tf.minimum(place, self._last))

    def _chain_ends(self, continues: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        """Returns the end of the chain of blocks that begins at each place.

        Args:
            continues: `(bytes,)` bool. Whether the chain has a next block.
            places: `(bytes,)` int32. Where that begins, further behind.
        """
        places = tf.minimum(places, self._last)
        places = tf.where(continues, places, self._places)
        return tf.while_loop(
            lambda before, now: tf.reduce_any(before != now),
            lambda before, now: [now, tf.gather(now, now)],
            [self._places, places],
            shape_invariants=[tf.TensorShape([None])] * 2,
        )[1]

    def _palette_length(self, place: tf.Tensor | int) -> tf.Tensor:
        flags = self.byte(place)
        colours = tf.bitwise.left_shift(2, tf.bitwise.bitwise_and(flags, 7))
        return tf.where(flags >= 0x80, 3 * colours, 0)


def _head(image_bytes: tf.Tensor) -> tf.Tensor:
    """Returns the first 32 bytes as numbers; behind a shorter file, zeros."""
    return tf.io.decode_raw(image_bytes, tf.uint8, fixed_length=32)


def _kind(head: tf.Tensor) -> tf.Tensor:
    signatures = np.array([list(begin) for begin in _SIGNATURES], np.uint8)
    fits = head[: signatures.shape[1]] == signatures
    fits |= signatures == ord(".")
    fits = tf.concat([tf.reduce_all(fits, axis=1), [True]], axis=0)
    return tf.argmax(tf.cast(fits, tf.int32), output_type=tf.int32)


def _size(image_bytes: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
    head = _head(image_bytes)
    sizes = {
        _JPEG: lambda: tf.io.extract_jpeg_shape(image_bytes, tf.int64)[:2],
        _PNG: lambda: _png_size(head),
        _GIF: lambda: _gif_size(image_bytes),
        _BMP: lambda: _bmp_size(head),
        _WEBP: lambda: _webp_size(head),
        _OTHER: lambda: tf.zeros(2, tf.int64),
    }
    return tf.ensure_shape(tf.switch_case(kind, sizes), (2,))


def _height_width(
    head: tf.Tensor, place: int, num_bytes: int, big_endian: bool = False
) -> tf.Tensor:
    """Reads a width and a height that follow each other in a header."""
    parts = tf.reshape(head[place : place + 2 * num_bytes], (2, num_bytes))
    place_values = 256 ** np.arange(num_bytes)
    if big_endian:
        place_values = place_values[::-1]
    return tf.linalg.matvec(tf.cast(parts, tf.int64), place_values)[::-1]


def _holds(head: tf.Tensor, place: int, expected: bytes) -> tf.Tensor:
    """Returns whether a header has these bytes at a place."""
    found = head[place : place + len(expected)]
    return tf.reduce_all(found == np.frombuffer(expected, np.uint8))


def _png_size(head: tf.Tensor) -> tf.Tensor:
    # Decoders accept other chunks before the one that holds the size.
    size = _height_width(head, 16, 4, big_endian=True)
    return tf.where(_holds(head, 8, b"\0\0\0\rIHDR"), size, 0)


def _bmp_size(head: tf.Tensor) -> tf.Tensor:
    # A negative height counts the rows from the top.
    size = _height_width(head, 18, 4)
    return tf.minimum(size, 2**32 - size)


def _gif_size(gif: tf.Tensor) -> tf.Tensor:
    reader = _GifReader(gif)
    begin = reader.first_image()
    frame = [reader.number(begin + 7), reader.number(begin + 5)]
    frame = tf.where(reader.byte(begin) == reader.IMAGE, frame, 0)
    screen = _height_width(_head(gif), 6, 2)
    return tf.maximum(screen, tf.cast(frame, tf.int64))


def _webp_size(head: tf.Tensor) -> tf.Tensor:
    sizes = [
        (_holds(head, 12, b"VP8 "), lambda: _lossy_webp_size(head)),
        (_holds(head, 12, b"VP8L"), lambda: _lossless_webp_size(head)),
        (_holds(head, 12, b"VP8X"), lambda: 1 + _height_width(head, 24, 3)),
    ]
    return tf.case(sizes, default=lambda: tf.zeros(2, tf.int64))


def _lossy_webp_size(head: tf.Tensor) -> tf.Tensor:
    # The upper two bits are how to scale what was decoded.
    size = _height_width(head, 26, 2)
    return tf.bitwise.bitwise_and(size, tf.constant(0x3FFF, tf.int64))


def _lossless_webp_size(head: tf.Tensor) -> tf.Tensor:
    # Fourteen bits each, one less than width and height.
    four = tf.cast(head[21:25], tf.int64)
    bits = tf.tensordot(four, 256 ** np.arange(4), axes=1)
    height_width = tf.bitwise.right_shift(bits, [14, 0])
    return 1 + tf.bitwise.bitwise_and(height_width, 0x3FFF)
