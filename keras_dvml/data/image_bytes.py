"""Numbers in the bytes of a file, in a graph or outside."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

# A function that is called as one. What few files need would otherwise stand in
# the graph of all, and cost each of them time for being passed over.
_AS_A_CALL = {"_noinline": True}

# Steps of a walk through the parts of a file; each takes some 50 us.
_MAX_PARTS = 4096


def read(file: tf.Tensor, place: tf.Tensor | int, num_bytes: int) -> tf.Tensor:
    """Returns bytes of a file as numbers; behind its end are zeros.

    Args:
        file: Scalar string.
        place: Scalar int64, at least 0, of the first byte.
        num_bytes: How many.

    Returns:
        `(num_bytes,)` int64 tensor.
    """
    place = tf.minimum(tf.cast(place, tf.int64), length(file))
    part = tf.strings.substr(file, place, tf.constant(num_bytes, tf.int64))
    part = tf.io.decode_raw(part, tf.uint8, fixed_length=num_bytes)
    return tf.cast(part, tf.int64)


def number(parts: tf.Tensor, big_endian: tf.Tensor | bool = False) -> tf.Tensor:
    """Returns the numbers that the last axis of bytes spells, int64."""
    first_is_least = 256 ** np.arange(int(parts.shape[-1] or 0))
    values = first_is_least[::-1] if big_endian is True else first_is_least
    if isinstance(big_endian, tf.Tensor):
        values = tf.where(big_endian, first_is_least[::-1], first_is_least)
    return tf.reduce_sum(tf.cast(parts, tf.int64) * values, axis=-1)


def holds(parts: tf.Tensor, place: int, expected: bytes) -> tf.Tensor:
    """Returns whether `(n,)` bytes are the expected ones from a place on."""
    found = tf.cast(parts[place : place + len(expected)], tf.uint8)
    return tf.reduce_all(found == np.frombuffer(expected, np.uint8))


def length(file: tf.Tensor) -> tf.Tensor:
    """Returns the scalar int64 length of a scalar string in bytes."""
    return tf.cast(tf.strings.length(file), tf.int64)


def num_occurrences(file: tf.Tensor, part: bytes, most: int) -> tf.Tensor:
    """Returns how often bytes occur in a scalar string, at most `most`."""
    # `tf.strings.split` is this operation and ten others.
    pieces = tf.raw_ops.StringSplitV2(input=file[None], sep=part, maxsplit=most)
    return tf.size(pieces.values, tf.int64) - 1


def rarely(function: Callable) -> tf.types.experimental.PolymorphicFunction:
    """Decorates a function of a scalar string that few files need."""
    return tf.function(
        function,
        input_signature=[tf.TensorSpec([], tf.string)],
        experimental_attributes=_AS_A_CALL,
    )


def find_part(
    file: tf.Tensor,
    begin: int,
    num_bytes: int,
    size_of_part: Callable[[tf.Tensor], tf.Tensor],
    is_sought: Callable[[tf.Tensor], tf.Tensor],
) -> tf.Tensor:
    """Walks through a file of parts that say how long they are.

    Args:
        file: Scalar string.
        begin: Place of the first part.
        num_bytes: Bytes of a part that the functions need, int64.
        size_of_part: From them to the scalar int64 size of the part, at least
            1.
        is_sought: From them to whether the walk ends here.

    Returns:
        Scalar int64, the place of the part sought; of the end of the file, or
        of some part before it, where none is found.
    """
    end = length(file)

    def goes_on(place: tf.Tensor) -> tf.Tensor:
        found = is_sought(read(file, place, num_bytes))
        return (place < end) & tf.logical_not(found)

    def step(place: tf.Tensor) -> tuple[tf.Tensor]:
        size = size_of_part(read(file, place, num_bytes))
        return (tf.minimum(place + size, end),)

    return tf.while_loop(
        goes_on,
        step,
        (tf.constant(begin, tf.int64),),
        maximum_iterations=_MAX_PARTS,
    )[0]
