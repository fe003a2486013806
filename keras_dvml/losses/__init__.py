"""Metric losses: one file a loss, a pure function and a Keras class each."""

from keras_dvml.losses.angular import AngularLoss, angular_loss
from keras_dvml.losses.arcface import ArcFaceLoss, arcface_loss
from keras_dvml.losses.centroid_triplet import (
    CentroidTripletLoss,
    centroid_triplet_loss,
)
from keras_dvml.losses.circle import CircleLoss, circle_loss
from keras_dvml.losses.contrastive import ContrastiveLoss, contrastive_loss
from keras_dvml.losses.cosface import CosFaceLoss, cosface_loss
from keras_dvml.losses.cross_batch_memory import CrossBatchMemory, Memory
from keras_dvml.losses.fast_ap import FastAPLoss, fast_ap_loss
from keras_dvml.losses.histogram import HistogramLoss, histogram_loss
from keras_dvml.losses.intra_pair_variance import (
    IntraPairVarianceLoss,
    intra_pair_variance_loss,
)
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
from keras_dvml.losses.multiple_losses import LossLayers, MultipleLosses
from keras_dvml.losses.n_pair import NPairLoss, n_pair_loss
from keras_dvml.losses.normalized_softmax import (
    NormalizedSoftmaxLoss,
    normalized_softmax_loss,
)
from keras_dvml.losses.nt_xent import NTXentLoss, nt_xent_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.losses.pnp import PNPLoss, pnp_loss
from keras_dvml.losses.proxy_anchor import ProxyAnchorLoss, proxy_anchor_loss
from keras_dvml.losses.proxy_loss import Proxies, ProxyLoss
from keras_dvml.losses.proxy_nca import ProxyNCALoss, proxy_nca_loss
from keras_dvml.losses.ranked_list import RankedListLoss, ranked_list_loss
from keras_dvml.losses.recall_at_k import RecallAtKLoss, recall_at_k_loss
from keras_dvml.losses.smooth_ap import SmoothAPLoss, smooth_ap_loss
from keras_dvml.losses.snr_contrastive import (
    SignalToNoiseRatioContrastiveLoss,
    snr_contrastive_loss,
)
from keras_dvml.losses.soft_triple import SoftTripleLoss, soft_triple_loss
from keras_dvml.losses.sphereface import SphereFaceLoss, sphereface_loss
from keras_dvml.losses.subcenter_arcface import (
    SubCenterArcFaceLoss,
    subcenter_arcface_loss,
)
from keras_dvml.losses.supcon import SupConLoss, supcon_loss
from keras_dvml.losses.threshold_consistent_margin import (
    ThresholdConsistentMarginLoss,
    threshold_consistent_margin_loss,
)
from keras_dvml.losses.triplet_hard import TripletHardLoss, triplet_hard_loss
from keras_dvml.losses.triplet_semi_hard import (
    TripletSemiHardLoss,
    triplet_semi_hard_loss,
)
from keras_dvml.losses.tuplet_margin import TupletMarginLoss, tuplet_margin_loss

__all__ = [
    "AngularLoss", "ArcFaceLoss", "CentroidTripletLoss", "CircleLoss",
    "ContrastiveLoss", "CosFaceLoss", "CrossBatchMemory", "FastAPLoss",
    "HistogramLoss", "IntraPairVarianceLoss", "LiftedStructureLoss",
    "LossLayers", "MarginLoss", "Memory", "MetricLoss",
    "MultiSimilarityLoss", "MultipleLosses", "NPairLoss", "NTXentLoss",
    "NormalizedSoftmaxLoss", "PNPLoss", "PairLoss", "Proxies",
    "ProxyAnchorLoss", "ProxyLoss", "ProxyNCALoss", "RankedListLoss",
    "RecallAtKLoss", "SignalToNoiseRatioContrastiveLoss", "SmoothAPLoss",
    "SoftTripleLoss", "SphereFaceLoss", "SubCenterArcFaceLoss",
    "SupConLoss", "ThresholdConsistentMarginLoss", "TripletHardLoss",
    "TripletSemiHardLoss", "TupletMarginLoss", "angular_loss",
    "arcface_loss", "centroid_triplet_loss", "circle_loss",
    "contrastive_loss", "cosface_loss", "fast_ap_loss", "histogram_loss",
    "intra_pair_variance_loss", "lifted_structure_loss", "margin_loss",
    "multi_similarity_loss", "n_pair_loss", "normalized_softmax_loss",
    "nt_xent_loss", "pnp_loss", "proxy_anchor_loss", "proxy_nca_loss",
    "ranked_list_loss", "recall_at_k_loss", "smooth_ap_loss",
    "snr_contrastive_loss", "soft_triple_loss", "sphereface_loss",
    "subcenter_arcface_loss", "supcon_loss",
    "threshold_consistent_margin_loss", "triplet_hard_loss",
    "triplet_semi_hard_loss", "tuplet_margin_loss",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
