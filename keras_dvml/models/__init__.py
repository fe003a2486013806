"""Models for `fit`: a plain baseline, DVML and UDML, a small backbone."""

from keras_dvml.models.conv_backbone import conv_backbone
from keras_dvml.models.dvml import DVML
from keras_dvml.models.efficientnet_lite0 import efficientnet_lite0
from keras_dvml.models.embedding_model import EmbeddingModel
from keras_dvml.models.freezing import freeze_batch_norm, freeze_up_to
from keras_dvml.models.loss_term import LossTerm
from keras_dvml.models.metric_model import MetricModel
from keras_dvml.models.no_metric_loss import NoMetricLoss
from keras_dvml.models.pooled_backbone import pooled_backbone
from keras_dvml.models.udml import UDML, PlainUDML, VariationalUDML

__all__ = [
    "DVML", "UDML", "EmbeddingModel", "LossTerm", "MetricModel",
    "NoMetricLoss", "PlainUDML", "VariationalUDML", "conv_backbone",
    "efficientnet_lite0", "freeze_batch_norm", "freeze_up_to",
    "pooled_backbone",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
