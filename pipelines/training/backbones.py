"""The backbone that a configuration names, and how its images are scaled."""

import logging
from typing import Any

import keras

import keras_dvml as kd
from pipelines.configs.schema import APPLICATIONS, TrainConfig

logger = logging.getLogger(__name__)


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
        arguments: dict[str, Any] = {
            "weights": "imagenet" if downloaded else None
        }
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
        return kd.layers.CaffeScaling(name="preprocessing")
    if config.backbone in ("conv", *APPLICATIONS):
        return keras.layers.Rescaling(1 / 127.5, offset=-1.0)
    # What TensorFlow Hub agreed upon for all models of images.
    return keras.layers.Rescaling(1 / 255)


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
    hub_features = kd.layers.HubFeatures(
        config.backbone, config.batch_norm_frozen
    )
    return keras.Model(images, hub_features(images), name="hub_backbone")
