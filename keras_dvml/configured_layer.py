"""A Keras layer whose configuration is read from its attributes."""

import inspect
from typing import Any

import keras


class ConfiguredLayer(keras.layers.Layer):
    """Base of the layers that keep each argument as an attribute of its name.

    Example:
        >>> import keras_dvml as kd
        >>> head = kd.layers.RotationHead(hidden_dim=6)
        >>> head.get_config()["hidden_dim"]
        6
    """

    def get_config(self) -> dict[str, Any]:
        kinds = type(self).__mro__
        return super().get_config() | {
            name: getattr(self, name)
            for kind in kinds[: kinds.index(ConfiguredLayer)]
            for name in inspect.signature(kind.__init__).parameters
            if hasattr(self, name)
        }
