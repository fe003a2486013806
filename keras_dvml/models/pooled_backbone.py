"""Any Keras model of images as a backbone with pooled features."""

import logging
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

_LOGGER = logging.getLogger(__name__)


def pooled_backbone(
    backbone: keras.Model, image_size: int | None = None
) -> keras.Model:
    """Returns a functional model from images to pooled features.

    A functional model of that kind is returned as it is. Others, subclassed
    ones among them, become part of a new one, and what is done is logged:

    - of a dictionary, `pooler_output` is the feature;
    - `(batch, height, width, channels)` is averaged over the positions;
    - so are tokens, `(batch, tokens, channels)`, where they are the patches of
      a grid. Where there are more, as in a vision transformer with a class
      token, the first is the feature.

    For another choice pass a functional model that makes it.

    Args:
        backbone: Takes one batch of images, channels last, and nothing else.
        image_size: Height and width of the images, in pixels. Needed for
            nothing but a backbone that takes images of any size, or that was
            never called, to have the size known.

    Returns:
        `(batch, height, width, 3)` -> `(batch, feature_dim)`.

    Raises:
        ValueError: If the backbone takes other inputs or another size, or
            returns something else.

    Example:
        >>> import keras
        >>> import keras_dvml as kd
        >>> images = keras.Input((32, 32, 3))
        >>> unpooled = keras.Model(images, keras.layers.Conv2D(8, 3)(images))
        >>> kd.models.pooled_backbone(unpooled).output_shape
        (None, 8)
    """
    found = _input_shape(backbone)
    shape = _sized(found, image_size)
    output_shape = getattr(backbone, "output_shape", None)
    if shape == found and isinstance(output_shape, tuple):
        if [type(size) for size in output_shape[1:]] == [int]:
            return backbone
    images = keras.Input(shape[1:], name="images")
    features = _pooled(_called(backbone, images), shape, backbone.name)
    return keras.Model(images, features, name=f"pooled_{backbone.name}")


def _input_shape(backbone):
    """Returns (None, height, width, channels), of what is known of them."""
    shape = getattr(backbone, "input_shape", None)
    if shape is None:
        # A subclassed model knows what it was called on, if it was.
        built: Any = backbone.get_build_config() or {}
        shape = built.get("shapes_dict", built.get("input_shape"))
    if shape is None:
        return (None, None, None, 3)
    if isinstance(shape, Mapping):
        shape = list(shape.values())
    shapes = [shape] if not isinstance(shape[0], (tuple, list)) else shape
    if len(shapes) != 1 or len(shapes[0]) != 4:
        raise ValueError(
            "backbone must take images of shape (batch, height, width, 3) and "
            f"nothing else; received input shapes {shapes}. Of a model of "
            "images and texts, pass the part for images."
        )
    return (None, *shapes[0][1:])


def _sized(shape, image_size):
    _, height, width, channels = shape
    if image_size is None:
        return shape
    if {height, width} - {None, image_size}:
        raise ValueError(
            f"image_size must be that of the backbone, which takes images of "
            f"{height} x {width} pixels; received {image_size}"
        )
    return (None, image_size, image_size, channels)


def _called(backbone, images):
    try:
        return backbone(images)
    # Whatever it was, it is for whoever wrote the backbone.
    except Exception as error:
        raise ValueError(
            f"backbone must take images of shape {tuple(images.shape)} and "
            "nothing else; received a model that fails on them. If it needs "
            "images of a certain size, call it on such a batch first. "
            f"({type(error).__name__}: {error})"
        ) from error


def _pooled(outputs: Any, shape: Any, name: str) -> Any:
    if isinstance(outputs, Mapping):
        if "pooler_output" not in outputs:
            raise ValueError(
                "backbone must return features, or a dictionary that has them "
                f"as `pooler_output`; received one of {sorted(outputs)}"
            )
        outputs = outputs["pooler_output"]
        _LOGGER.info("Features are the pooler_output of %s.", name)
    tensors = tf.nest.flatten(outputs)
    outputs = tensors[0]
    rank = len(outputs.shape)
    if len(tensors) > 1 or rank not in (2, 3, 4) or outputs.shape[-1] is None:
        raise ValueError(
            "backbone must return features of shape (batch, feature_dim), "
            "(batch, tokens, feature_dim) or (batch, height, width, "
            f"feature_dim); received {tensors}"
        )
    if rank == 2:
        return outputs
    if rank == 3 and _has_class_token(outputs.shape[1], shape):
        _LOGGER.info(
            "Features are the first of the %d tokens of %s, which are more "
            "than patches.",
            outputs.shape[1],
            name,
        )
        return outputs[:, 0]
    _LOGGER.info(
        "Features are means over the positions of %s, which returns %s.",
        name,
        tuple(outputs.shape),
    )
    if rank == 3:
        return keras.layers.GlobalAveragePooling1D(name="pooling")(outputs)
    return keras.layers.GlobalAveragePooling2D(name="pooling")(outputs)


def _has_class_token(num_tokens, image_shape):
    """Returns whether no square patches cut such images into as many."""
    _, height, width, _ = image_shape
    if None in (num_tokens, height, width):
        return False
    return not any(
        height % side == width % side == 0
        and (height // side) * (width // side) == num_tokens
        for side in range(1, min(height, width) + 1)
    )
