"""Which matrices are too small to share among threads."""

import tensorflow as tf

_FEWEST_ROWS = 256


def is_small(matrix: tf.Tensor) -> bool:
    """Whether waking other threads costs more than they save.

    On CPUs, TensorFlow's softmax and transposition (oneDNN) wake all threads
    whatever the size. Exponentials, sums and products do not, and are faster
    for the batches that a small model trains on.

    Args:
        matrix: `(batch, batch)` tensor.

    Returns:
        `False` also where the size is known at run time only.
    """
    num_rows = matrix.shape[0]
    return num_rows is not None and num_rows < _FEWEST_ROWS
