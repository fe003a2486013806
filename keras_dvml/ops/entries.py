"""Single entries of a matrix, one in each row."""

import tensorflow as tf


def add_to_entries(matrix, columns, values):
    """Adds a value to one entry of each row, or to several.

    Args:
        matrix: `(rows, columns)` tensor.
        columns: `(rows,)` int32 tensor, or `(num, rows)`. Which entries.
        values: tensor of the shape of `columns`. What to add.

    Returns:
        `(rows, columns)` tensor.
    """
    columns = tf.convert_to_tensor(columns)
    rows = tf.broadcast_to(tf.range(tf.shape(matrix)[0]), tf.shape(columns))
    indices = tf.stack([rows, columns], axis=-1)
    return tf.tensor_scatter_nd_add(matrix, indices, values)
