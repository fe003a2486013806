"""A Model artifact of the Trainer: `Format-Serving/` and `model.keras`."""

import os
from typing import Any

import keras

import keras_dvml as kd

_KERAS_MODEL = "model.keras"
# Keras finds the classes of a saved model among those that are imported.
_ROOMS_OF_SAVED_MODELS = (kd.layers, kd.models)


def keras_model_path(uri: str) -> str:
    """Returns where the Keras model of a Model artifact lies.

    Args:
        uri: of the artifact.
    """
    return os.path.join(uri, _KERAS_MODEL)


def load_keras_model(uri: str) -> Any:
    """Loads the Keras model of a Model artifact, without its optimizer.

    Args:
        uri: of the artifact.

    Returns:
        A `kd.models.MetricModel`, of which class is known by what was trained.
    """
    return keras.models.load_model(keras_model_path(uri), compile=False)
