"""Types that annotations of several rooms share."""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict

import keras
import numpy as np
import tensorflow as tf
from typing_extensions import Self as Self
from typing_extensions import Unpack as Unpack

#: What TensorFlow makes a tensor of.
TensorLike = tf.Tensor | tf.Variable | np.ndarray | Sequence[Any] | float

ImageFit = Literal["crop", "pad", "stretch"]
"""Cut to the largest centred part of the wanted shape; made smaller as a whole,
with black bars beside it; or resized in height and width by different
factors."""


class LayerOptions(TypedDict, total=False):
    """What every Keras layer takes beside its own arguments."""

    name: str | None
    dtype: Any
    trainable: bool


class ModelOptions(TypedDict, total=False):
    """What every model of `keras_dvml.models` takes: see `MetricModel`."""

    normalized: bool
    preprocessing: keras.layers.Layer | None
    head_rate: float
    normalize_features: bool
    image_fit: ImageFit
    name: str | None
