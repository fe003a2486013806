"""Which pairs of a batch share a label, and which do not."""

import tensorflow as tf

from keras_dvml.ops.masked import FAR
from keras_dvml.typing import TensorLike


def flatten_labels(labels: TensorLike) -> tf.Tensor:
    """Returns labels of shape `(batch,)` or `(batch, 1)` as `(batch,)`.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.flatten_labels([[4], [9]]).numpy()
        array([4, 9], dtype=int32)
    """
    return tf.reshape(labels, [-1])


def positive_pairs(labels: TensorLike) -> tf.Tensor:
    """Marks pairs of two different rows with the same label.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.

    Returns:
        `(batch, batch)` bool tensor, `False` on the diagonal.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.positive_pairs([4, 9, 4]).numpy().astype(int)
        array([[0, 0, 1],
               [0, 0, 0],
               [1, 0, 0]])
    """
    same = _same_label(labels)
    return tf.linalg.set_diag(same, tf.zeros_like(tf.linalg.diag_part(same)))


def negative_pairs(labels: TensorLike) -> tf.Tensor:
    """Marks pairs of rows with different labels.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.

    Returns:
        `(batch, batch)` bool tensor, `False` on the diagonal.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.negative_pairs([4, 9, 4]).numpy().astype(int)
        array([[0, 1, 0],
               [1, 0, 1],
               [0, 1, 0]])
    """
    return tf.logical_not(_same_label(labels))


def log_positive_pairs(labels: TensorLike) -> tf.Tensor:
    """Logarithm of `positive_pairs` as numbers: 0, or -1e9 for no positive.

    Added to exponents it takes the other pairs out of their sum.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.

    Returns:
        `(batch, batch)` float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.log_positive_pairs([4, 4]).numpy()
        array([[-1.e+09,  0.e+00],
               [ 0.e+00, -1.e+09]], dtype=float32)
    """
    # In terms of the negatives: most losses need those as well.
    log_positives = -FAR - log_negative_pairs(labels)
    diagonal = tf.fill(tf.shape(log_positives)[:1], -FAR)
    return tf.linalg.set_diag(log_positives, diagonal)


def log_negative_pairs(labels: TensorLike) -> tf.Tensor:
    """Logarithm of `negative_pairs` as numbers: 0, or -1e9 for no negative.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.

    Returns:
        `(batch, batch)` float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.log_negative_pairs([4, 9]).numpy()
        array([[-1.e+09, -0.e+00],
               [-0.e+00, -1.e+09]], dtype=float32)
    """
    return -FAR * tf.cast(_same_label(labels), tf.float32)


def own_class(labels: TensorLike, num_classes: int) -> tf.Tensor:
    """Marks the class of each row among all classes.

    Args:
        labels: `(batch,)` or `(batch, 1)` integer tensor.
        num_classes: >= 1.

    Returns:
        `(batch, num_classes)` bool tensor, one `True` in each row.

    Raises:
        InvalidArgumentError: If a label is not 0 to `num_classes - 1`.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.own_class([2, 0], num_classes=3).numpy()
        array([[False, False,  True],
               [ True, False, False]])
    """
    labels = flatten_labels(labels)
    in_range = (labels >= 0) & (labels < num_classes)
    message = f"labels must be 0 to {num_classes - 1}; received"
    tf.debugging.Assert(tf.reduce_all(in_range), [message, labels])
    classes = tf.cast(tf.range(num_classes), labels.dtype)
    return tf.equal(labels[:, None], classes[None, :])


def _same_label(labels):
    labels = flatten_labels(labels)
    return tf.equal(labels[:, None], labels[None, :])
