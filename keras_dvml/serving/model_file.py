"""The Keras model that a published version carries."""

import logging
import os
import tempfile
from typing import Any

import keras
import tensorflow as tf

from keras_dvml import models

logger = logging.getLogger(__name__)

#: Below a version's folder.
MODEL_FILE = os.path.join("assets.extra", "model.keras")

# Keras finds the classes of a saved model among those that are imported.
_ROOM_OF_SAVED_MODELS = models


def save_model(model: keras.Model, path: str) -> None:
    """Saves a model; of one that Keras cannot save, says so and saves none.

    Args:
        model: What is exported. A model that serves need not be one that Keras
            can save, such as one without a configuration.
        path: The file, `*.keras`.
    """
    try:
        model.save(path)
    except (NotImplementedError, TypeError, ValueError) as error:
        logger.warning(
            "The version will carry no Keras model, which cannot be saved: %s",
            error,
        )
        if os.path.exists(path):
            os.unlink(path)


def read_model(folder: str) -> keras.Model:
    """Returns the model that a version carries, not compiled.

    Args:
        folder: Of the version, also of an object store.

    Raises:
        FileNotFoundError: If it carries none.
    """
    path = os.path.join(folder, MODEL_FILE)
    if not tf.io.gfile.exists(path):
        raise FileNotFoundError(
            f"{folder} carries no Keras model: it was published before "
            "versions did, or Keras could not save the model"
        )
    with tempfile.TemporaryDirectory() as local:
        # Keras does not read from object stores.
        copied = os.path.join(local, "model.keras")
        tf.io.gfile.copy(path, copied)
        model: Any = keras.models.load_model(copied, compile=False)
    return model
