"""Quarter turns of images, and the loss of predicting them."""

import tensorflow as tf

from keras_dvml.typing import TensorLike


def four_turns(images: TensorLike) -> tf.Tensor:
    """Turns images by 0, 90, 180 and 270 degrees, exactly.

    The turns are counter-clockwise, as those of `np.rot90`, and move pixels
    without changing one. Works eagerly and inside `tf.data`.

    Args:
        images: `(batch, size, size, channels)` tensor of any dtype, or one
            image without the batch.

    Returns:
        `(4 * batch, size, size, channels)` tensor of the same dtype in four
        blocks: block t holds every image turned t times. Of one image,
        `(4, size, size, channels)`.

    Raises:
        ValueError: If the images are not square, or have another rank.
        tf.errors.InvalidArgumentError: If they turn out not to be square
            where a graph did not know their size.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> image = tf.reshape(tf.range(4), (2, 2, 1))
        >>> kd.ops.four_turns(image)[1, :, :, 0].numpy().tolist()
        [[1, 3], [0, 2]]

    Reference:
        [Gidaris et al., 2018](https://arxiv.org/abs/1803.07728)
    """
    images = tf.convert_to_tensor(images)
    if images.shape.rank not in (3, 4):
        raise ValueError(
            "images must have shape (batch, size, size, channels) or (size, "
            f"size, channels); received {images.shape}"
        )
    if images.shape.rank == 3:
        images = images[None]
    images = _checked_square(images)
    transposed = tf.transpose(images, (0, 2, 1, 3))
    rows, columns = [1], [2]
    return tf.concat(
        [
            images,
            tf.reverse(transposed, rows),
            tf.reverse(images, rows + columns),
            tf.reverse(transposed, columns),
        ],
        axis=0,
    )


def rotation_loss(logits: TensorLike) -> tf.Tensor:
    """Cross-entropy of predicting by how many quarter turns images were turned.

    Mean over images and turns; `log 4` where nothing is known.

    Args:
        logits: `(4 * batch, 4)` float tensor in the blocks of `four_turns`,
            as `layers.RotationHead` gives them for the features of turned
            images.

    Returns:
        Scalar float32 tensor.

    Raises:
        ValueError: If the logits are not four to an image and turn.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> round(float(kd.ops.rotation_loss(tf.zeros((8, 4)))), 4)
        1.3863

    Reference:
        [Gidaris et al., 2018](https://arxiv.org/abs/1803.07728)
    """
    logits = tf.cast(logits, tf.float32)
    rows, columns = logits.shape
    if columns != 4 or (rows or 0) % 4:
        raise ValueError(
            "logits must have shape (4 * batch, 4), a row for each image and "
            f"turn; received {logits.shape}"
        )
    turns = tf.repeat(tf.range(4), tf.shape(logits)[0] // 4)
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(turns, logits)
    )


def _checked_square(images):
    height, width = images.shape[1:3]
    if height is None or width is None:
        square = tf.debugging.assert_equal(
            *tf.unstack(tf.shape(images)[1:3]),
            message="images must be square to be turned by 90 degrees",
        )
        # The turns wait for it, or the first of both to fail is the error.
        with tf.control_dependencies([square]):
            return tf.identity(images)
    if height != width:
        raise ValueError(
            "images must be square to be turned by 90 degrees; received "
            f"height {height} and width {width}"
        )
    return images
