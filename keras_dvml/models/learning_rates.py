"""A learning rate of its own for part of a model's weights."""

from collections.abc import Callable, Sequence

import tensorflow as tf


def scale_change(
    change: Callable[[], None], variables: Sequence[tf.Variable], factor: float
) -> None:
    """Runs `change` and makes what it does to some variables larger.

    An optimizer's step is proportional to its learning rate, so this equals
    a learning rate `factor` times as high for these variables, under any
    optimizer; factors on gradients would not do that under Adam.

    Args:
        change: Assigns to the variables.
        variables: Those to change more.
        factor: > 0.
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
                lambda new, old: new.assign(old + factor * (new - old)),
                args=(old,),
            )

    # Variables of a strategy change for all replicas at once.
    tf.distribute.get_replica_context().merge_call(stretch, args=(before,))
