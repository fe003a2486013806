"""The backbone that a configuration names, and how its images are scaled."""

import logging
from typing import Any

import keras

import keras_dvml as kd
from keras_dvml import keras_versions
from keras_dvml.extras import import_of
from pipelines.configs.schema import (
    APPLICATIONS,
    EFFICIENTNETS,
    TrainConfig,
    backbone_kind,
)

logger = logging.getLogger(__name__)


def build_backbone(config: TrainConfig) -> keras.Model:
    """Builds a backbone, from images to pooled features, with its weights.

    Args:
        config: names it, its weights, the size of the images and the parts
            that stay as pretrained.

    Returns:
        A functional model.

    Raises:
        ValueError: where the backbone or its weights cannot be loaded, or it
            takes no images of that size.
        ImportError: where a package that brings them is missing.
    """
    network = {
        "conv": _conv_backbone,
        "efficientnet_lite0": _efficientnet_lite0,
        "application": _application,
        "keras_hub": _keras_hub_backbone,
        "file": _model_of_file,
        "tensorflow_hub": _tensorflow_hub_backbone,
    }[backbone_kind(config.backbone)](config)
    freeze_parts(network, config)
    return kd.models.pooled_backbone(network, config.image_size)


def build_preprocessing(config: TrainConfig) -> keras.layers.Layer:
    """Builds the layer that scales images as the backbone wants them.

    Args:
        config: names the backbone.

    Returns:
        A layer on images of 0..255.
    """
    kind = backbone_kind(config.backbone)
    if config.backbone == "ResNet50":
        return kd.layers.CaffeScaling(name="preprocessing")
    if kind == "tensorflow_hub":
        # What TensorFlow Hub agreed upon for all models of images.
        return keras.layers.Rescaling(1 / 255)
    if kind == "keras_hub":
        converter = _keras_hub().layers.ImageConverter.from_preset(
            _preset(config)
        )
        scale, offset = converter.scale, converter.offset
        return keras.layers.Rescaling(
            1.0 if scale is None else scale, 0.0 if offset is None else offset
        )
    if kind == "file":
        model = _load(config)
        if isinstance(model, kd.models.MetricModel):
            return model.preprocessing
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0)


def freeze_parts(backbone: keras.Model, config: TrainConfig) -> None:
    """Freezes the parts that the configuration keeps as pretrained.

    Args:
        backbone: changed in place.
        config: of the training.
    """
    layers = keras_versions.nested_layers(backbone)
    innermost = [
        layer
        for layer in layers
        if layer.weights and not keras_versions.nested_layers(layer)
    ]
    for layer in innermost[: int(config.frozen_share * len(innermost))]:
        layer.trainable = False
    if config.batch_norm_frozen:
        kd.models.freeze_batch_norm(backbone)
    for layer in layers:
        if hasattr(layer, "interpolated_position_embeddings"):
            # KerasHub's DINOv2 saves those of another size of images: what
            # they learn would be lost.
            layer.trainable = False


def _conv_backbone(config: TrainConfig) -> keras.Model:
    return _weighted(
        kd.models.conv_backbone(config.image_size, config.widths), config
    )


def _efficientnet_lite0(config: TrainConfig) -> keras.Model:
    pretrained = config.weights == "imagenet"
    network = kd.models.efficientnet_lite0(
        config.image_size,
        weights="imagenet" if pretrained else None,
        block=EFFICIENTNETS[config.backbone],
    )
    return network if pretrained else _weighted(network, config)


def _application(config: TrainConfig) -> keras.Model:
    downloaded = config.weights == "imagenet"
    arguments: dict[str, Any] = {"weights": "imagenet" if downloaded else None}
    if config.backbone == "EfficientNetV2B0":
        # Images are scaled by us, as for the others.
        arguments["include_preprocessing"] = False
    network = getattr(keras.applications, config.backbone)(
        include_top=False,
        pooling="avg",
        input_shape=(config.image_size, config.image_size, 3),
        **arguments,
    )
    return network if downloaded else _weighted(network, config)


def _weighted(network: keras.Model, config: TrainConfig) -> keras.Model:
    """Loads the file of weights that a configuration names, if it does."""
    if config.weights:
        try:
            network.load_weights(config.weights)
        # Keras has an error of its own for each way in which it can fail.
        except Exception as error:
            raise ValueError(
                "`weights` must be '', 'imagenet' or the path of a file of "
                f"weights of {config.backbone} without its top; received "
                f"weights={config.weights!r} ({_first_line(error)})"
            ) from error
    elif config.batch_norm_frozen:
        logger.warning(
            "The weights of %s are random, and train.batch_norm_frozen "
            "keeps batch normalisation as it begins: it normalises "
            "nothing. Pass --set train.weights=imagenet, a file of "
            "weights, or --set train.batch_norm_frozen=false.",
            config.backbone,
        )
    return network


def _keras_hub_backbone(config: TrainConfig) -> keras.Model:
    backbone_class = _keras_hub().models.Backbone
    try:
        network = _of_preset(backbone_class, config)
    except Exception as error:
        raise ValueError(
            "`backbone` must be the preset of a KerasHub model of images, by "
            "its name where it can be downloaded, or by the path of its "
            f"folder; received backbone={config.backbone!r} "
            f"({_first_line(error)})"
        ) from error
    # Of a model of images and texts.
    return getattr(network, "vision_encoder", network)


def _of_preset(backbone_class: Any, config: TrainConfig) -> Any:
    shape = (config.image_size, config.image_size, 3)
    try:
        return backbone_class.from_preset(_preset(config), image_shape=shape)
    except (TypeError, ValueError):
        # It takes images of one size, or texts as well.
        return backbone_class.from_preset(_preset(config))


def _preset(config: TrainConfig) -> str:
    return config.backbone.removeprefix("keras_hub:")


def _keras_hub() -> Any:
    with import_of("keras-hub", "A backbone of KerasHub needs keras-hub"):
        # Few need it, and it takes seconds to import.
        import keras_hub
    return keras_hub


def _model_of_file(config: TrainConfig) -> keras.Model:
    model = _load(config)
    return model.backbone if isinstance(model, kd.models.MetricModel) else model


def _load(config: TrainConfig) -> Any:
    try:
        return keras.models.load_model(config.backbone, compile=False)
    except Exception as error:
        raise ValueError(
            "`backbone` must be the path of a model that Keras saved; "
            f"received backbone={config.backbone!r} ({_first_line(error)})"
        ) from error


def _tensorflow_hub_backbone(config: TrainConfig) -> keras.Model:
    images = keras.Input((config.image_size, config.image_size, 3))
    try:
        hub_features = kd.layers.HubFeatures(
            config.backbone, config.batch_norm_frozen
        )
    except (OSError, ValueError) as error:
        raise ValueError(
            "`backbone` must be a feature vector of TensorFlow Hub, by its "
            "address or the path of its folder, or one of "
            f"{('conv', 'efficientnet_lite0', *APPLICATIONS)}; received "
            f"backbone={config.backbone!r} ({_first_line(error)})"
        ) from error
    return keras.Model(images, hub_features(images), name="hub_backbone")


def _first_line(error: Exception) -> str:
    first, *_ = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {first}"
