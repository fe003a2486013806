"""A Keras callback with the types that Keras leaves out."""

from typing import TYPE_CHECKING, Any

import keras


class TypedCallback(keras.callbacks.Callback):
    """A callback whose `model` and `params` are there while it is called.

    Keras declares both as `None`, which they are before training alone.
    """

    if TYPE_CHECKING:
        params: dict[str, Any]

        @property
        def model(self) -> Any:
            """The model that is trained."""
