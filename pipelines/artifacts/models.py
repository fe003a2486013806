"""A Model artifact of the Trainer: `Format-Serving/` and `model.keras`.

Beside them lie `history.json`, and the names of the classes that it was trained
on in `classes.json`.
"""

import os
from collections.abc import Iterable
from typing import Any

import keras

import keras_dvml as kd
from pipelines.artifacts.files import read_json, write_json

_KERAS_MODEL, _CLASSES = "model.keras", "classes.json"
# Keras finds the classes of a saved model among those that are imported.
_ROOMS_OF_SAVED_MODELS = (kd.layers, kd.models)


def keras_model_path(uri: str) -> str:
    """Returns where the Keras model of a Model artifact lies.

    Args:
        uri: of the artifact.
    """
    return os.path.join(uri, _KERAS_MODEL)


def write_classes(uri: str, names: Iterable[str]) -> None:
    """Writes the names of the classes that a model was trained on."""
    write_json(uri, _CLASSES, sorted(names))


def read_classes(uri: str) -> set[str]:
    """Reads what `write_classes` wrote."""
    return set(read_json(uri, _CLASSES))


def load_keras_model(uri: str) -> Any:
    """Loads the Keras model of a Model artifact, without its optimizer.

    Args:
        uri: of the artifact.

    Returns:
        A `kd.models.MetricModel`, of which class is known by what was trained.
    """
    return keras.models.load_model(keras_model_path(uri), compile=False)
