"""The few places where Keras 2.15 and Keras 3 differ, and no others.

Everything else in the package is written once, for both: mathematics with
`tf.*`, classes on `keras.*`.
"""

import keras
import tensorflow as tf

KERAS_3 = keras.__version__.startswith("3.")

if KERAS_3 and keras.backend.backend() != "tensorflow":
    raise ImportError(
        "keras_dvml runs on Keras' TensorFlow backend; received "
        f"KERAS_BACKEND={keras.backend.backend()!r}. Set "
        "KERAS_BACKEND=tensorflow before keras is imported."
    )


#: For weights that every replica would change in the same way.
ONLY_FIRST_REPLICA = (
    "only_first_replica"
    if KERAS_3
    else tf.VariableAggregation.ONLY_FIRST_REPLICA
)


def scale_loss(optimizer, loss):
    """Multiplies `loss` by the optimizer's loss scale, where it has one."""
    if KERAS_3:
        return optimizer.scale_loss(loss)
    if hasattr(optimizer, "get_scaled_loss"):
        return optimizer.get_scaled_loss(loss)
    return loss


def apply_gradients(optimizer, gradients, variables):
    """Applies the gradients of a loss that went through `scale_loss`."""
    if not KERAS_3 and hasattr(optimizer, "get_unscaled_gradients"):
        gradients = optimizer.get_unscaled_gradients(gradients)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))


def tf_variables(variables):
    """Returns the `tf.Variable`s behind a list of Keras variables."""
    if KERAS_3:
        return [variable.value for variable in variables]
    return list(variables)


def keras_variables(variables, trainable=True):
    """Returns `tf.Variable`s as a layer's attributes want them, to be tracked.

    Args:
        variables: sequence of `tf.Variable`, of a loaded SavedModel.
        trainable: bool. Whether a layer trains them.
    """
    if KERAS_3:
        # A Keras variable around a `tf.Variable` shares its value.
        return [
            keras.Variable(
                variable,
                shape=variable.shape,
                dtype=variable.dtype,
                trainable=trainable,
                name=variable.name.replace("/", "_"),
            )
            for variable in variables
        ]
    return list(variables)


def replace_layer(model, name, layer):
    """Sets an attribute that holds a layer or `None`, in place of the old one.

    Keras 3 goes on counting a layer whose attribute was given another value.
    """
    if KERAS_3 and getattr(model, name, None) is not None:
        # There is no public way; the tracker is what `__setattr__` fills.
        model._tracker.untrack(getattr(model, name))
    setattr(model, name, layer)


def step_logs(logs):
    """Prepares the scalars that a training or test step returns.

    Across processes Keras 3 averages what a step returns over its first axis,
    which scalars lack.
    """
    strategy = tf.distribute.get_strategy()
    if KERAS_3 and isinstance(
        strategy, tf.distribute.MultiWorkerMirroredStrategy
    ):
        return {name: value[None] for name, value in logs.items()}
    return logs
