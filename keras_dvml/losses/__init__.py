"""Metric losses: one file a loss, a pure function and a Keras class each."""

from keras_dvml.losses.angular import AngularLoss, angular_loss
from keras_dvml.losses.arcface import ArcFaceLoss, arcface_loss
from keras_dvml.losses.circle import CircleLoss, circle_loss
from keras_dvml.losses.contrastive import ContrastiveLoss, contrastive_loss
from keras_dvml.losses.cosface import CosFaceLoss, cosface_loss
from keras_dvml.losses.histogram import HistogramLoss, histogram_loss
from keras_dvml.losses.lifted_structure import (
    LiftedStructureLoss,
    lifted_structure_loss,
)
from keras_dvml.losses.margin import MarginLoss, margin_loss
from keras_dvml.losses.metric_loss import MetricLoss
from keras_dvml.losses.multi_similarity import (
    MultiSimilarityLoss,
    multi_similarity_loss,
)
from keras_dvml.losses.n_pair import NPairLoss, n_pair_loss
from keras_dvml.losses.normalized_softmax import (
    NormalizedSoftmaxLoss,
    normalized_softmax_loss,
)
from keras_dvml.losses.nt_xent import NTXentLoss, nt_xent_loss
from keras_dvml.losses.proxy_anchor import ProxyAnchorLoss, proxy_anchor_loss
from keras_dvml.losses.proxy_loss import Proxies, ProxyLoss
from keras_dvml.losses.proxy_nca import ProxyNCALoss, proxy_nca_loss
from keras_dvml.losses.soft_triple import SoftTripleLoss, soft_triple_loss
from keras_dvml.losses.sphereface import SphereFaceLoss, sphereface_loss
from keras_dvml.losses.subcenter_arcface import (
    SubCenterArcFaceLoss,
    subcenter_arcface_loss,
)
from keras_dvml.losses.supcon import SupConLoss, supcon_loss
from keras_dvml.losses.triplet_hard import TripletHardLoss, triplet_hard_loss
from keras_dvml.losses.triplet_semi_hard import (
    TripletSemiHardLoss,
    triplet_semi_hard_loss,
)

__all__ = [
    "AngularLoss", "ArcFaceLoss", "CircleLoss", "ContrastiveLoss",
    "CosFaceLoss", "HistogramLoss", "LiftedStructureLoss", "MarginLoss",
    "MetricLoss", "MultiSimilarityLoss", "NPairLoss", "NTXentLoss",
    "NormalizedSoftmaxLoss", "Proxies", "ProxyAnchorLoss", "ProxyLoss",
    "ProxyNCALoss", "SoftTripleLoss", "SphereFaceLoss",
    "SubCenterArcFaceLoss", "SupConLoss", "TripletHardLoss",
    "TripletSemiHardLoss", "angular_loss", "arcface_loss", "circle_loss",
    "contrastive_loss", "cosface_loss", "histogram_loss",
    "lifted_structure_loss", "margin_loss", "multi_similarity_loss",
    "n_pair_loss", "normalized_softmax_loss", "nt_xent_loss",
    "proxy_anchor_loss", "proxy_nca_loss", "soft_triple_loss",
    "sphereface_loss", "subcenter_arcface_loss", "supcon_loss",
    "triplet_hard_loss", "triplet_semi_hard_loss",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
