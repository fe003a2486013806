"""A Keras callback with the types that Keras leaves out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras


class TypedCallback(keras.callbacks.Callback):
    """A callback whose `model` and `params` are there while it is called.

    Keras declares both as `None`, which they are before training alone.
    """

    #: Names that it adds to the logs of an epoch, for those behind it.
    logged_names: Sequence[str] = ()

    if TYPE_CHECKING:
        params: dict[str, Any]

        @property
        def model(self) -> Any:
            """The model that is trained."""
