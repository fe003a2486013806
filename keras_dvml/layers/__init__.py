"""The parts of the methods as layers for any Keras model."""

from keras_dvml.layers.caffe_scaling import CaffeScaling
from keras_dvml.layers.feature_decoder import FeatureDecoder
from keras_dvml.layers.gaussian_sampling import GaussianSampling
from keras_dvml.layers.hub_features import HubFeatures
from keras_dvml.layers.rotation_head import RotationHead
from keras_dvml.layers.variational_embedding import (
    VariationalEmbedding,
    VariationalOutputs,
)

__all__ = [
    "CaffeScaling", "FeatureDecoder", "GaussianSampling", "HubFeatures",
    "RotationHead", "VariationalEmbedding", "VariationalOutputs",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
