"""The first frame of a GIF file, found in a graph or outside."""

import tensorflow as tf

from keras_dvml.data.image_bytes import rarely


@rarely
def first_frame(gif: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Cuts the first frame out of a GIF file.

    The decoder unpacks every frame, also where only the first is asked for.
    It would make transparent pixels black; without the extensions in front of
    the frame they have their colour, as in files of other kinds.

    Args:
        gif: Scalar string.

    Returns:
        Scalar string, a GIF file of the frame: `gif` where none begins; the
        `(2,)` int64 height and width that it decodes to; and whether the
        frame leaves nothing of its screen free.
    """
    reader = _GifReader(gif)
    begin = reader.first_image()
    is_frame = reader.byte(begin) == reader.IMAGE
    screen = tf.stack([reader.number(8), reader.number(6)])
    size = tf.stack([reader.number(begin + 7), reader.number(begin + 5)])
    corner = tf.stack([reader.number(begin + 3), reader.number(begin + 1)])
    is_full = tf.logical_not(is_frame) | tf.reduce_all(
        (corner == 0) & (size >= screen)
    )
    frame = tf.cond(
        is_frame,
        lambda: tf.strings.join(
            [
                tf.strings.substr(gif, 0, reader.end_of_header),
                tf.strings.substr(
                    gif, begin, reader.end_of_image(begin) - begin
                ),
                ";",
            ]
        ),
        lambda: tf.identity(gif),
    )
    size = tf.maximum(screen, tf.where(is_frame, size, 0))
    return frame, tf.cast(size, tf.int64), is_full


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
        self.end_of_header = 13 + self._palette_length(10)

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
        return tf.gather(behind, tf.minimum(self.end_of_header, self._last))

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
