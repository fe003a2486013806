"""Labels that are the numbers of classes."""

import tensorflow as tf

from keras_dvml.ops.pairs import flatten_labels
from keras_dvml.typing import TensorLike


def class_ids(labels: TensorLike, num_classes: int) -> tf.Tensor:
    """Returns labels as int32, which are the places of their classes.

    Args:
        labels: `(batch,)` or `(batch, 1)` integer tensor.
        num_classes: >= 1.

    Returns:
        `(batch,)` int32 tensor.

    Raises:
        InvalidArgumentError: If a label is not 0 to `num_classes - 1`; not
            when compiled by XLA, which cannot raise.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.class_ids([[2], [0]], num_classes=3).numpy()
        array([2, 0], dtype=int32)
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
    check = tf.debugging.Assert(tf.reduce_all(is_class), [expected, labels])
    # `None` where it has raised or passed already.
    with tf.control_dependencies([] if check is None else [check]):
        return tf.cast(labels, tf.int32)


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
    own = class_ids(labels, num_classes)
    return tf.equal(own[:, None], tf.range(num_classes)[None, :])
