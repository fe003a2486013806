"""What a model is compiled with and fitted by, where Keras would not object."""

import contextlib
import functools
import inspect
from collections.abc import Sequence
from typing import Any

import keras

from keras_dvml import keras_versions
from keras_dvml.models.finite_losses import raises_unless_finite
from keras_dvml.models.shares import check_shares

# A step knows the terms of the loss alone.
_NOT_COMPUTED = ("metrics", "weighted_metrics", "loss_weights")


class CompiledModel(keras_versions.BuiltModel):
    """A model with steps of its own, which says what these do not heed."""

    def compile(self, *args: Any, **kwargs: Any) -> None:
        given = _arguments(super().compile, args, kwargs)
        for name in _NOT_COMPUTED:
            if given.get(name):
                raise ValueError(
                    f"{name} must not be given: the loss and its terms are "
                    "logged, with weights that are the model's, and "
                    "training.RetrievalEvaluation scores embeddings; received "
                    f"{given[name]!r}"
                )
        super().compile(*args, **kwargs)

    # Keras leaves loading to those who override `compile`.
    def compile_from_config(self, config: dict[str, Any]) -> None:
        # Models were once compiled with what is refused now.
        config = {
            name: config[name] for name in config if name not in _NOT_COMPUTED
        }
        self.compile(**keras.saving.deserialize_keras_object(config))
        keras_versions.build_optimizer(self.optimizer, self.trainable_variables)

    def make_train_function(self, force: bool = False) -> Any:
        """Makes a step that ends `fit` where a loss is no longer finite."""
        known = self.train_function
        super().make_train_function(force)
        if self.train_function is not known:
            self.train_function = raises_unless_finite(self.train_function)
        return self.train_function

    @functools.wraps(keras.Model.fit)
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        given = _arguments(super().fit, args, kwargs)
        callbacks = given.get("callbacks") or []
        # Keras also takes a list of its own kind, or a single callback.
        callbacks = getattr(callbacks, "callbacks", callbacks)
        if isinstance(callbacks, keras.callbacks.Callback):
            callbacks = [callbacks]
        _check_order(callbacks)
        check_shares(given, self.distribute_strategy.num_replicas_in_sync)
        with _errors_named(given.get("x")):
            return super().fit(
                *args, **kwargs, **keras_versions.fit_options(given)
            )

    @functools.wraps(keras.Model.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        given = _arguments(super().evaluate, args, kwargs)
        with _errors_named(given.get("x")):
            return super().evaluate(*args, **kwargs)

    @functools.wraps(keras.Model.predict)
    def predict(self, *args: Any, **kwargs: Any) -> Any:
        given = _arguments(super().predict, args, kwargs)
        with _errors_named(given.get("x")):
            return super().predict(*args, **kwargs)


def _errors_named(images):
    """Returns the context that names what fails in batches of `data`."""
    return getattr(images, "errors_named", contextlib.nullcontext)()


def _arguments(method, args, kwargs):
    """Returns the arguments of a call by name."""
    given = inspect.signature(method).bind(*args, **kwargs).arguments
    # What a method takes beside its named arguments is one of these.
    others = given.pop("kwargs", {})
    return {**given, **others}


def _check_order(callbacks: Sequence[Any]) -> None:
    """Raises where a callback watches what one behind it adds to the logs."""
    for place, watcher in enumerate(callbacks):
        watched = getattr(watcher, "monitor", None)
        for maker in callbacks[place + 1 :]:
            if watched in getattr(maker, "logged_names", ()):
                first, then = type(maker).__name__, type(watcher).__name__
                raise ValueError(
                    f"callbacks must have {first} before {then}, which watches "
                    f"its {watched!r}: callbacks=[..., {first}, ..., {then}]; "
                    f"received {[type(one).__name__ for one in callbacks]}"
                )
