"""Batches that `tf.distribute` has split, joined again."""

import tensorflow as tf


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
        values: tensor, the part of this replica.
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
    context = tf.distribute.get_replica_context()
    # A sum over replicas of what each has in a slot of its own: unlike
    # `all_gather` this works under every strategy.
    slot = tf.one_hot(
        context.replica_id_in_sync_group, num_replicas(), dtype=values.dtype
    )
    slots = tf.tensordot(slot, values, axes=0)
    gathered = context.all_reduce(tf.distribute.ReduceOp.SUM, slots)
    return tf.concat(tf.unstack(gathered, num_replicas()), axis=axis)


def slice_replica(values: tf.Tensor, axis: int = 0) -> tf.Tensor:
    """Returns the part of a global tensor that belongs to this replica.

    Args:
        values: tensor with the global batch on `axis`, parts of equal size.
        axis: Axis of the batch.

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
    context = tf.distribute.get_replica_context()
    parts = tf.split(values, context.num_replicas_in_sync, axis=axis)
    return tf.gather(parts, context.replica_id_in_sync_group)
