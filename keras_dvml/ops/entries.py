"""Single entries of a matrix, one in each row."""

import tensorflow as tf

from keras_dvml.typing import TensorLike


def add_to_entries(
    matrix: TensorLike, columns: TensorLike, values: TensorLike
) -> tf.Tensor:
    """Adds a value to one entry of each row, or to several.

    Args:
        matrix: `(rows, columns)` tensor.
        columns: `(rows,)` int32 tensor, or `(num, rows)`. Which entries.
        values: tensor of the shape of `columns`. What to add.

    Returns:
        `(rows, columns)` tensor.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> kd.ops.add_to_entries(tf.zeros((2, 3)), [2, 0], [5.0, 1.0]).numpy()
        array([[0., 0., 5.],
               [1., 0., 0.]], dtype=float32)
    """
    columns = tf.convert_to_tensor(columns)
    rows = tf.broadcast_to(tf.range(tf.shape(matrix)[0]), tf.shape(columns))
    indices = tf.stack([rows, columns], axis=-1)
    return tf.tensor_scatter_nd_add(matrix, indices, values)
