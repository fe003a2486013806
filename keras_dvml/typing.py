"""Types that annotations of several rooms share."""

from collections.abc import Sequence
from typing import Any, TypedDict

import keras
import numpy as np
import tensorflow as tf
from typing_extensions import Self as Self
from typing_extensions import Unpack as Unpack

#: What TensorFlow makes a tensor of.
TensorLike = tf.Tensor | tf.Variable | np.ndarray | Sequence[Any] | float


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
    image_fit: str
    name: str | None
