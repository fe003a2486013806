"""A learning rate of its own for part of a model's weights."""

import tensorflow as tf


def scale_change(change, variables, factor):
    """Runs `change` and makes what it does to some variables larger.

    An optimizer's step is proportional to its learning rate, so this equals
    a learning rate `factor` times as high for these variables, under any
    optimizer; factors on gradients would not do that under Adam.

    Args:
        change: function without arguments that assigns to the variables.
        variables: sequence of `tf.Variable`.
        factor: float > 0.
    """
    if factor == 1.0:
        change()
        return
    before = [tf.identity(variable) for variable in variables]
    change()

    def stretch(strategy, before):
        for variable, old in zip(variables, before, strict=True):
            strategy.extended.update(
                variable,
                lambda one, old: one.assign(old + factor * (one - old)),
                args=(old,),
            )

    # Variables of a strategy change for all replicas at once.
    tf.distribute.get_replica_context().merge_call(stretch, args=(before,))
