"""Which pairs of a batch share a label, and which do not."""

import tensorflow as tf

from keras_dvml.ops.masked import FAR
from keras_dvml.typing import TensorLike


def flatten_labels(labels: TensorLike) -> tf.Tensor:
    """Returns labels as a vector of numbers, equal where the labels are.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids: integers of
            any width, booleans, whole floats, or names.

    Returns:
        `(batch,)` tensor: int64, of names their hashes; floats stay floats.

    Raises:
        ValueError: If the shape is another, as that of one-hot labels.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.flatten_labels([[4], [9]]).numpy()
        array([4, 9])
    """
    labels = tf.convert_to_tensor(labels)
    if labels.shape.rank == 0 or labels.shape[1:].num_elements() not in (
        None,
        1,
    ):
        raise ValueError(
            "labels must be one class id an image, (batch,) or (batch, 1); "
            f"received shape {labels.shape}. Of one-hot labels pass "
            "tf.argmax(labels, axis=1)"
        )
    labels = tf.reshape(labels, [-1])
    if labels.dtype == tf.string:
        # The same on every replica, whatever names its part of a batch has.
        return tf.strings.to_hash_bucket_fast(labels, tf.int64.max)
    if labels.dtype.is_floating:
        # Less precise ones cannot count all classes.
        return tf.cast(labels, tf.float32) if labels.dtype.size < 4 else labels
    return tf.cast(labels, tf.int64)


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
    """Logarithm of `positive_pairs` as numbers: 0, or `-FAR` for no positive.

    Added to exponents it takes the other pairs out of their sum.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.

    Returns:
        `(batch, batch)` float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.log_positive_pairs([4, 4]).numpy() / kd.ops.FAR
        array([[-1.,  0.],
               [ 0., -1.]], dtype=float32)
    """
    # In terms of the negatives: most losses need those as well.
    log_positives = -FAR - log_negative_pairs(labels)
    diagonal = tf.fill(tf.shape(log_positives)[:1], -FAR)
    return tf.linalg.set_diag(log_positives, diagonal)


def log_negative_pairs(labels: TensorLike) -> tf.Tensor:
    """Logarithm of `negative_pairs` as numbers: 0, or `-FAR` for no negative.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.

    Returns:
        `(batch, batch)` float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.log_negative_pairs([4, 9]).numpy() / kd.ops.FAR
        array([[-1., -0.],
               [-0., -1.]], dtype=float32)
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
        ValueError: If labels are names.
        InvalidArgumentError: If a label is not 0 to `num_classes - 1`.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.own_class([2, 0], num_classes=3).numpy()
        array([[False, False,  True],
               [ True, False, False]])
    """
    expected = f"labels must be 0 to {num_classes - 1}; received"
    labels = tf.convert_to_tensor(labels)
    if labels.dtype == tf.string:
        raise ValueError(
            f"{expected} names. np.unique(labels, return_inverse=True)[1] "
            "numbers them"
        )
    labels = flatten_labels(labels)
    in_range = (labels >= 0) & (labels < num_classes)
    is_class = in_range & (tf.math.floormod(labels, 1) == 0)
    tf.debugging.Assert(tf.reduce_all(is_class), [expected, labels])
    classes = tf.range(num_classes, dtype=labels.dtype)
    return tf.equal(labels[:, None], classes[None, :])


def _same_label(labels):
    labels = flatten_labels(labels)
    return tf.equal(labels[:, None], labels[None, :])
