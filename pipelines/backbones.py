"""The backbone that a configuration names, and how its images are scaled."""

import logging

import keras
import tensorflow as tf

import keras_dvml as kd
from pipelines.configs.schema import APPLICATIONS, TrainConfig

logger = logging.getLogger(__name__)

# Mean blue, green and red of ImageNet, as Caffe's networks were trained.
_CAFFE_MEANS = (103.939, 116.779, 123.68)


def build_backbone(config: TrainConfig) -> keras.Model:
    """Builds a backbone, from images to pooled features, with its weights.

    Args:
        config: names it, its weights and the size of the images.

    Returns:
        A functional model.

    Raises:
        ValueError: where weights are given to a backbone that brings its own.
        OSError: where there is no file of weights.
    """
    shape = (config.image_size, config.image_size, 3)
    if config.backbone == "conv":
        backbone = kd.models.conv_backbone(config.image_size, config.widths)
    elif config.backbone in APPLICATIONS:
        downloaded = config.weights == "imagenet"
        arguments = {"weights": "imagenet" if downloaded else None}
        if config.backbone == "EfficientNetV2B0":
            # Images are scaled by us, as for the others.
            arguments["include_preprocessing"] = False
        backbone = getattr(keras.applications, config.backbone)(
            include_top=False, pooling="avg", input_shape=shape, **arguments
        )
    else:
        return _hub_backbone(config, shape)
    if config.weights not in ("", "imagenet"):
        backbone.load_weights(config.weights)
    if config.batch_norm_frozen:
        if not config.weights:
            logger.warning(
                "The weights of %s are random, and train.batch_norm_frozen "
                "keeps batch normalisation as it begins: it normalises "
                "nothing. Pass --set train.weights=imagenet, a file of "
                "weights, or --set train.batch_norm_frozen=false.",
                config.backbone,
            )
        kd.models.freeze_batch_norm(backbone)
    return backbone


def build_preprocessing(config: TrainConfig) -> keras.layers.Layer:
    """Builds the layer that scales images as the backbone wants them.

    Args:
        config: names the backbone.

    Returns:
        A layer on images of 0..255.
    """
    if config.backbone == "ResNet50":
        return CaffeScaling(name="preprocessing")
    if config.backbone in ("conv", *APPLICATIONS):
        return keras.layers.Rescaling(1 / 127.5, offset=-1.0)
    # What TensorFlow Hub agreed upon for all models of images.
    return keras.layers.Rescaling(1 / 255)


@keras.saving.register_keras_serializable(package="pipelines")
class CaffeScaling(keras.layers.Layer):
    """Turns RGB into BGR and subtracts the mean of ImageNet.

    Call arguments:
        images: `(batch, height, width, 3)` tensor, RGB, 0..255.

    Returns:
        Float tensor of the same shape.
    """

    def call(self, images):
        """Returns the images scaled."""
        blue_first = tf.reverse(tf.cast(images, self.compute_dtype), axis=[-1])
        return blue_first - tf.constant(_CAFFE_MEANS, blue_first.dtype)


@keras.saving.register_keras_serializable(package="pipelines")
class HubFeatures(keras.layers.Layer):
    """A feature vector of TensorFlow Hub, trained further.

    A saved Keras model with it is loaded after this module is imported, and
    where the handle still leads to the module.

    Args:
        handle: address, or path of a folder, of a TF2 SavedModel of the kind
            "image feature vector".
        batch_norm_frozen: whether batch normalisation uses the statistics of
            pretraining in training too.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        images: `(batch, height, width, 3)` float tensor, 0..1.
        training: bool.

    Returns:
        `(batch, feature_dim)` float tensor.
    """

    def __init__(self, handle, batch_norm_frozen=False, **kwargs):
        super().__init__(**kwargs)
        # Wanted by few; takes seconds to import.
        import tensorflow_hub as hub

        self.handle = handle
        self.batch_norm_frozen = batch_norm_frozen
        self.module = hub.KerasLayer(handle, trainable=True)

    def call(self, images, training=False):
        """Returns the features of the images."""
        return self.module(
            images, training=training and not self.batch_norm_frozen
        )

    def get_config(self):
        """Returns what the layer is made from."""
        return {
            **super().get_config(),
            "handle": self.handle,
            "batch_norm_frozen": self.batch_norm_frozen,
        }


def _hub_backbone(
    config: TrainConfig, shape: tuple[int, int, int]
) -> keras.Model:
    if config.weights:
        raise ValueError(
            "`weights` must be '' for a backbone of TensorFlow Hub, which "
            f"brings its own. Received: weights={config.weights!r}, "
            f"backbone={config.backbone!r}"
        )
    images = keras.Input(shape, name="images")
    features = HubFeatures(config.backbone, config.batch_norm_frozen)(images)
    return keras.Model(images, features, name="hub_backbone")
