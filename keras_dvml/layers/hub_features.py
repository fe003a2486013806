"""A pretrained feature vector of TensorFlow Hub as a layer."""

import os
from typing import Any

import keras
import tensorflow as tf

from keras_dvml import keras_versions
from keras_dvml.configured_layer import ConfiguredLayer
from keras_dvml.typing import LayerOptions, TensorLike, Unpack


@keras.saving.register_keras_serializable(package="keras_dvml")
class HubFeatures(ConfiguredLayer):
    """A feature vector of TensorFlow Hub, trained further.

    A saved Keras model with it can be loaded where the handle still leads to
    the SavedModel.

    Args:
        handle: Path of a folder that holds a TF2 SavedModel of the kind "image
            feature vector", or its address, which needs the package
            tensorflow-hub.
        batch_norm_frozen: Whether batch normalisation uses the statistics of
            pretraining in training too.

    Call arguments:
        images: `(batch, height, width, 3)` float tensor, 0..1.
        training: Whether the call is a step of training.

    Returns:
        `(batch, feature_dim)` float32 tensor.

    Raises:
        ValueError: If the SavedModel is none that can be called and trained
            further: one without `__call__`, as `model.export` of Keras 3
            writes it, or without trainable variables.
        ImportError: If the handle is an address and tensorflow-hub is missing.

    Example:
        >>> import keras, keras_dvml as kd
        >>> images = keras.Input((224, 224, 3))
        >>> features = kd.layers.HubFeatures(handle)(images)  # doctest: +SKIP
        >>> backbone = keras.Model(images, features)  # doctest: +SKIP

    Reference:
        [Reusable SavedModels](https://www.tensorflow.org/hub/reusable_saved_models)
    """

    def __init__(
        self,
        handle: str,
        batch_norm_frozen: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.handle = handle
        self.batch_norm_frozen = batch_norm_frozen
        saved_model = tf.saved_model.load(_folder_of(handle))
        # `tensorflow_hub.KerasLayer` is a layer of Keras 2, in which Keras 3
        # sees no weights, so that it would train nothing.
        trainable = list(getattr(saved_model, "trainable_variables", ()))
        if not callable(saved_model) or not trainable:
            raise ValueError(
                "handle must lead to a TF2 SavedModel that can be called and "
                f"has trainable variables; received {handle!r}"
            )
        trained = {id(variable) for variable in trainable}
        self.saved_model: Any = saved_model
        self.variables_trained = keras_versions.keras_variables(trainable)
        self.variables_kept = keras_versions.keras_variables(
            [
                variable
                for variable in saved_model.variables
                if id(variable) not in trained
            ],
            trainable=False,
        )

    def call(self, images: TensorLike, training: bool = False) -> tf.Tensor:
        training = bool(training) and not self.batch_norm_frozen
        if training:
            for penalty in getattr(
                self.saved_model, "regularization_losses", ()
            ):
                self.add_loss(penalty())
        saved_model: Any = self.saved_model
        return saved_model(tf.cast(images, tf.float32), training=training)


def _folder_of(handle):
    if os.path.isdir(handle):
        return handle
    try:
        # Few need it, and it takes seconds to import.
        import tensorflow_hub as hub
    except ImportError as error:
        raise ImportError(
            f"handle={handle!r} is no folder; for an address HubFeatures needs "
            f"TensorFlow Hub: pip install tensorflow-hub. ({error})"
        ) from error
    return hub.resolve(handle)
