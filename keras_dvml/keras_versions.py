"""Where Keras 2.15 and Keras 3 differ, and where a private name is needed.

Everything else in the package is written once, for both: mathematics with
`tf.*`, classes on `keras.*`, and public names of both.
"""

from collections.abc import Iterable
from types import GeneratorType
from typing import Any

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
ONLY_FIRST_REPLICA: Any = (
    "only_first_replica"
    if KERAS_3
    else tf.VariableAggregation.ONLY_FIRST_REPLICA
)


class BuiltModel(keras.Model):
    """A model whose weights all exist once it is made."""

    # Private: Keras 3 would call the model on a batch and average the losses
    # over the replicas, which fails across processes, to build a model that is
    # built already. There is no public way to prevent it.
    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        if self.optimizer is not None and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)


def build_optimizer(optimizer: Any, variables: list) -> None:
    """Creates what an optimizer keeps of variables, before its first step."""
    if hasattr(optimizer, "build"):
        optimizer.build(variables)
    elif hasattr(optimizer, "_create_all_weights"):
        # Private: the optimizers of before Keras 2.11, which those of
        # tensorflow-addons are, and which Keras 2 takes on Apple's machines,
        # have no public way.
        optimizer._create_all_weights(variables)


def optimizer_variables(optimizer: Any) -> list:
    """Returns what an optimizer keeps, a method in the old kind."""
    kept: Any = optimizer.variables
    if callable(kept):
        kept = kept()
    return list(kept)


def fit_options(given: dict[str, Any]) -> dict[str, Any]:
    """Returns what `fit` is to be called with beside what it was given.

    Of a stream Keras 3 would warn, each time, that its own default, to
    shuffle, is not heeded.
    """
    is_stream = isinstance(given.get("x"), (tf.data.Dataset, GeneratorType))
    if KERAS_3 and is_stream and "shuffle" not in given:
        return {"shuffle": False}
    return {}


def scale_loss(optimizer: Any, loss: tf.Tensor) -> tf.Tensor:
    """Multiplies `loss` by the optimizer's loss scale, where it has one."""
    if KERAS_3:
        return optimizer.scale_loss(loss)
    if hasattr(optimizer, "get_scaled_loss"):
        return optimizer.get_scaled_loss(loss)
    return loss


def apply_gradients(optimizer: Any, gradients: list, variables: list) -> None:
    """Applies the gradients of a loss that went through `scale_loss`."""
    if not KERAS_3 and hasattr(optimizer, "get_unscaled_gradients"):
        gradients = optimizer.get_unscaled_gradients(gradients)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))


def tf_variables(variables: Iterable) -> list[tf.Variable]:
    """Returns the `tf.Variable`s behind a list of Keras variables."""
    if KERAS_3:
        return [variable.value for variable in variables]
    return list(variables)


def keras_variables(variables: Iterable, trainable: bool = True) -> list:
    """Returns `tf.Variable`s as attributes that a layer tracks.

    Args:
        variables: `tf.Variable`s of a loaded SavedModel.
        trainable: Whether a layer trains them.
    """
    if KERAS_3:
        # A Keras variable around a `tf.Variable` shares its value.
        return [
            keras.Variable(
                variable,
                shape=variable.shape,
                dtype=variable.dtype,
                trainable=trainable,
                name=variable.name.partition(":")[0].replace("/", "_"),
            )
            for variable in variables
        ]
    return list(variables)


def replace_layer(model: keras.Model, name: str, layer: Any) -> None:
    """Sets an attribute that holds a layer or `None`, in place of the old one.

    Keras 3 still counts a layer whose attribute was given another value.
    """
    if KERAS_3 and getattr(model, name, None) is not None:
        # Private: the tracker that `__setattr__` fills has no public undoing.
        model._tracker.untrack(getattr(model, name))
    setattr(model, name, layer)


def nested_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Returns all layers in a model or layer, at any depth."""
    # Private: `layers` names the outermost ones only.
    return list(layer._flatten_layers(include_self=False))


def step_logs(logs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
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
