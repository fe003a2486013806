"""What images look like without any training: features to compare with."""

import math

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.typing import TensorLike

_PIXELS = 16
# The set-up of Dalal and Triggs, on a square of a fixed size.
_HOG_SIZE = 64
_CELL = 8
_NUM_ORIENTATIONS = 9
_MOST_OF_BLOCK = 0.2
_EPSILON = 1e-5


def pixel_features(images: TensorLike) -> tf.Tensor:
    """Shrinks images to 16 x 16 pixels, as unit vectors of mean 0.

    Each pixel is the mean of the area that it covers. The mean over all pixels
    and colours of the image is subtracted, so that the dot product of two
    images is their correlation: how bright they are makes no difference.

    Args:
        images: `(batch, height, width, 3)` tensor, uint8 or float.

    Returns:
        `(batch, 768)` float32 tensor; of an image of a single grey, zeros.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> images = tf.random.uniform((2, 48, 48, 3), maxval=255)
        >>> kd.evaluation.pixel_features(images).shape
        TensorShape([2, 768])
    """
    pixels = _resized(images, _PIXELS)
    pixels -= tf.reduce_mean(pixels, axis=(1, 2, 3), keepdims=True)
    return _unit_vectors(pixels)


def hog_features(images: TensorLike) -> tf.Tensor:
    """Returns histograms of oriented gradients of images, as unit vectors.

    Of images of 64 x 64 pixels: 9 orientations over half a turn, cells of
    8 x 8 pixels, blocks of 2 x 2 cells, scaled to length 1, cut off at 0.2 and
    scaled again. Of the three colours the one with the largest gradient votes.

    Args:
        images: `(batch, height, width, 3)` tensor, uint8 or float, 0..255.

    Returns:
        `(batch, 1764)` float32 tensor; of an image without gradients, zeros.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> images = tf.random.uniform((2, 48, 48, 3), maxval=255)
        >>> kd.evaluation.hog_features(images).shape
        TensorShape([2, 1764])

    Reference:
        [Dalal and Triggs, 2005](https://doi.org/10.1109/CVPR.2005.177)
    """
    pixels = _resized(images, _HOG_SIZE)
    # At the border there is no gradient across it.
    down = tf.pad(
        pixels[:, 2:] - pixels[:, :-2], ((0, 0), (1, 1), (0, 0), (0, 0))
    )
    right = tf.pad(
        pixels[:, :, 2:] - pixels[:, :, :-2], ((0, 0), (0, 0), (1, 1), (0, 0))
    )
    size = tf.sqrt(tf.square(down) + tf.square(right))
    color = tf.argmax(size, axis=-1)
    down, right, size = (
        tf.gather(values, color, axis=3, batch_dims=3)
        for values in (down, right, size)
    )
    turn = tf.math.floormod(tf.atan2(down, right) / math.pi, 1.0)
    orientation = tf.cast(turn * _NUM_ORIENTATIONS, tf.int32)
    # What rounding takes to half a turn is the last one's still.
    orientation = tf.minimum(orientation, _NUM_ORIENTATIONS - 1)
    votes = size[..., None] * tf.one_hot(orientation, _NUM_ORIENTATIONS)
    cells = tf.nn.avg_pool2d(votes, _CELL, _CELL, "VALID")
    blocks = tf.concat(
        [
            cells[:, :-1, :-1],
            cells[:, :-1, 1:],
            cells[:, 1:, :-1],
            cells[:, 1:, 1:],
        ],
        axis=-1,
    )
    blocks = tf.minimum(_scaled(blocks), _MOST_OF_BLOCK)
    return _unit_vectors(_scaled(blocks))


def _resized(images: TensorLike, size: int) -> tf.Tensor:
    images = tf.cast(images, tf.float32)
    return tf.image.resize(images, (size, size), method="area")


def _scaled(blocks: tf.Tensor) -> tf.Tensor:
    squares = tf.reduce_sum(tf.square(blocks), axis=-1, keepdims=True)
    return blocks / tf.sqrt(squares + _EPSILON**2)


def _unit_vectors(features: tf.Tensor) -> tf.Tensor:
    dim = features.shape[1:].num_elements()
    return ops.l2_normalize(tf.reshape(features, (-1, dim)))
