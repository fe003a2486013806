"""Batches that `tf.distribute` has split, joined again.

The parts may differ in size, as those of a last batch do.
"""

from typing import Any

import tensorflow as tf

from keras_dvml.typing import TensorLike


def num_replicas() -> int:
    """Returns how many replicas share a step; 1 without a strategy.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.num_replicas()
        1
    """
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def gather_replicas(values: tf.Tensor, axis: int = 0) -> tf.Tensor:
    """Returns the values of all replicas, in their order, on each of them.

    Gradients flow back to the replica a value came from: a loss over pairs
    can see the pairs of the global batch.

    Args:
        values: tensor, the part of this replica. Integers and booleans come
            back as int64, and names as their hashes: nothing else can be sent.
        axis: Axis of the batch.

    Returns:
        Tensor with the global batch on `axis`; `values` itself without a
        strategy.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> def step():
        ...     return kd.ops.gather_replicas(tf.constant([1.0, 2.0]))
        >>> strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
        >>> strategy.run(step).numpy()
        array([1., 2.], dtype=float32)
    """
    if num_replicas() == 1:
        return values
    if values.dtype == tf.string:
        values = tf.strings.to_hash_bucket_fast(values, tf.int64.max)
    elif not values.dtype.is_floating:
        values = tf.cast(values, tf.int64)
    num_rows = _rows(values, axis)
    if isinstance(num_rows, int):
        parts = tf.unstack(_slots(values), num_replicas())
        return tf.concat(parts, axis=axis)
    sizes = _part_sizes(num_rows)
    largest = tf.reduce_max(sizes)
    padding: list[list[Any]] = [[0, 0] for _ in range(values.shape.rank)]
    padding[axis][1] = largest - num_rows
    parts = [
        tf.split(part, [size, largest - size], axis=axis)[0]
        for part, size in zip(
            tf.unstack(_slots(tf.pad(values, padding)), num_replicas()),
            tf.unstack(sizes, num_replicas()),
            strict=True,
        )
    ]
    return tf.concat(parts, axis=axis)


def slice_replica(
    values: tf.Tensor, axis: int = 0, num_rows: TensorLike | None = None
) -> tf.Tensor:
    """Returns the part of a global tensor that belongs to this replica.

    Args:
        values: tensor with the global batch on `axis`.
        axis: Axis of the batch.
        num_rows: Scalar int32, the size of this replica's part; by default
            all parts are of equal size.

    Returns:
        Tensor; `values` itself without a strategy.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> def step():
        ...     return kd.ops.slice_replica(tf.constant([1.0, 2.0]))
        >>> strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
        >>> strategy.run(step).numpy()
        array([1., 2.], dtype=float32)
    """
    if num_replicas() == 1:
        return values
    if num_rows is None:
        num_rows = _rows(values, axis) // num_replicas()
    context = tf.distribute.get_replica_context()
    before = tf.sequence_mask(
        context.replica_id_in_sync_group, num_replicas(), tf.int32
    )
    first = tf.reduce_sum(before * _part_sizes(num_rows))
    after = _rows(values, axis) - first - num_rows
    return tf.split(values, [first, num_rows, after], axis=axis)[1]


def global_size(num_rows: TensorLike) -> TensorLike:
    """Returns the size of the global batch.

    Args:
        num_rows: Scalar int32, the size of this replica's part.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.global_size(7)
        7
    """
    if num_replicas() == 1:
        return num_rows
    return tf.reduce_sum(_part_sizes(num_rows))


def share_of_mean(mean: tf.Tensor, num_rows: TensorLike) -> tf.Tensor:
    """Returns a mean over this replica's rows as its share of the global one.

    The mean of the shares of all replicas is the mean over the global batch,
    also where some have more rows than others, or none.

    Args:
        mean: Scalar float tensor.
        num_rows: Scalar int32, over how many rows.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> float(kd.ops.share_of_mean(tf.constant(0.5), num_rows=7))
        0.5
    """
    if num_replicas() == 1:
        return mean
    rows = tf.cast(num_rows, mean.dtype)
    share = num_replicas() * rows / tf.cast(global_size(num_rows), mean.dtype)
    return tf.math.multiply_no_nan(mean, share)


def _rows(values, axis):
    """Returns the size of an axis, an int where it is known."""
    return values.shape[axis] or tf.shape(values)[axis]


def _part_sizes(num_rows: Any) -> tf.Tensor:
    """Returns `(num_replicas,)` int32, the sizes of all replicas' parts."""
    if isinstance(num_rows, int):
        # It is in the data's shape, which is the same everywhere.
        return tf.fill([num_replicas()], num_rows)
    # Not every device adds integers up.
    slots = _own_slot(tf.float32) * tf.cast(num_rows, tf.float32)
    return tf.cast(_summed(slots), tf.int32)


def _slots(values):
    """Returns `(num_replicas, ...)`, what each has in a slot of its own.

    A sum over replicas: unlike `all_gather` it works under every strategy.
    """
    return _summed(tf.tensordot(_own_slot(values.dtype), values, axes=0))


def _own_slot(dtype):
    context = tf.distribute.get_replica_context()
    return tf.one_hot(
        context.replica_id_in_sync_group, num_replicas(), dtype=dtype
    )


def _summed(values):
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, values)
