"""Many images in a graph: a few at a time, and each with its own outcome."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from keras_dvml import data

#: Images that are decoded and embedded at once: a request may hold any number.
AT_ONCE = 64
# Each may hold a large image.
_DECODED_AT_ONCE = 2


def in_parts(
    function: Callable[[tf.Tensor], Sequence[tf.Tensor]],
    image_bytes: tf.Tensor,
    dtypes: Sequence[tf.DType],
) -> list[tf.Tensor]:
    """Applies a function of images to 64 after 64, in a graph.

    Args:
        function: From `(some,)` strings to tensors of as many rows.
        image_bytes: `(batch,)` strings.
        dtypes: Of what the function returns.

    Returns:
        What the function returns, of the whole batch.
    """
    shapes = [tf.TensorShape([])] * len(dtypes)

    def add_part(begin, *arrays):
        parts = function(image_bytes[begin : begin + AT_ONCE])
        shapes[:] = [tf.TensorShape([None, *part.shape[1:]]) for part in parts]
        written = [
            array.write(begin // AT_ONCE, part)
            for array, part in zip(arrays, parts, strict=True)
        ]
        return (begin + AT_ONCE, *written)

    arrays = [
        tf.TensorArray(dtype, size=0, dynamic_size=True, infer_shape=False)
        for dtype in dtypes
    ]
    # Of no image one part, which has none.
    most = tf.maximum(tf.shape(image_bytes)[0], 1)
    _, *arrays = tf.while_loop(
        lambda begin, *_: begin < most,
        add_part,
        (0, *arrays),
        # The next part needs the memory of this one.
        parallel_iterations=1,
    )
    return [
        tf.ensure_shape(array.concat(), shape)
        for array, shape in zip(arrays, shapes, strict=True)
    ]


def decode_each(
    image_bytes: tf.Tensor,
    image_size: tuple[int, int],
    image_fit: data.ImageFit = "crop",
) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes images of which some may be none, in a graph.

    Args:
        image_bytes: `(batch,)` strings.
        image_size: Height and width in pixels.
        image_fit: As for `data.decode_image`.

    Returns:
        Tuple of `(batch, height, width, 3)` uint8 tensor, black where bytes are
        no image that `data.decode_image` takes, and `(batch,)` bool tensor:
        whether they are.
    """
    num_images = tf.shape(image_bytes)[0]
    decoded = tf.data.Dataset.from_tensor_slices(
        (tf.range(num_images), image_bytes)
    ).map(
        lambda row, content: (
            row,
            data.decode_image(content, image_size, image_fit),
        ),
        num_parallel_calls=_DECODED_AT_ONCE,
    )
    # What fails is left out. The first is black, for all that are.
    black = tf.zeros((*image_size, 3), tf.uint8)
    first = tf.data.Dataset.from_tensors((num_images, black))
    rows, images = (
        first.concatenate(decoded.ignore_errors())
        .batch(tf.cast(num_images + 1, tf.int64))
        .get_single_element()
    )
    places = tf.scatter_nd(
        rows[:, None], tf.range(tf.size(rows)), [num_images + 1]
    )[:num_images]
    return tf.gather(images, places), places > 0
