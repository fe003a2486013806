"""Models that nobody trains: what a trained one must be better than."""

from typing import Any

import keras
import tensorflow as tf

import keras_dvml as kd
from pipelines.configs import TrainConfig
from pipelines.training.backbones import build_backbone, build_preprocessing

_FEATURES = {
    "pixels": kd.evaluation.pixel_features,
    "hog": kd.evaluation.hog_features,
}


def build_yardstick(config: TrainConfig) -> keras.Model:
    """Builds a model from images in 0..255 to features as unit vectors.

    Args:
        config: names the features and the size of the images; of `as_is` the
            backbone too, whose weights are the first ones of all methods.

    Returns:
        A functional model.
    """
    images = keras.Input((config.image_size, config.image_size, 3))
    if config.method != "as_is":
        return keras.Model(images, ImageFeatures(config.method)(images))
    features = build_backbone(config)(build_preprocessing(config)(images))
    in_float32 = keras.layers.UnitNormalization(dtype="float32")
    return keras.Model(images, in_float32(features))


@keras.saving.register_keras_serializable(package="keras_dvml_pipelines")
class ImageFeatures(keras.layers.Layer):
    """Computes features of images that no weights are needed for.

    Args:
        kind: `"pixels"` or `"hog"`.
        **kwargs: of every layer.
    """

    def __init__(self, kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the features of `(batch, height, width, 3)` images."""
        return _FEATURES[self.kind](images)

    def get_config(self) -> dict[str, Any]:
        """Returns what the layer was made with."""
        return {**super().get_config(), "kind": self.kind}
