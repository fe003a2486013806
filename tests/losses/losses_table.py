"""All losses, each with its oracle: a new one joins by a line of `LOSSES`.

Its oracle is the function `naive_*` of its name, a loop over the batch in
float64.
"""

import functools

import naive_class_losses
import naive_pair_losses
import numpy as np

import keras_dvml as kd

LOSSES = {
    "contrastive": kd.losses.ContrastiveLoss(margin=1.1),
    "triplet_semi_hard": kd.losses.TripletSemiHardLoss(margin=0.3),
    "triplet_hard": kd.losses.TripletHardLoss(margin=0.3),
    "triplet_hard_soft": kd.losses.TripletHardLoss(margin=None),
    "n_pair": kd.losses.NPairLoss(temperature=0.5),
    "angular": kd.losses.AngularLoss(angle=40.0),
    "lifted_structure": kd.losses.LiftedStructureLoss(margin=0.5),
    "multi_similarity": kd.losses.MultiSimilarityLoss(),
    "circle": kd.losses.CircleLoss(scale=8.0, margin=0.3),
    "histogram": kd.losses.HistogramLoss(num_bins=20),
    "margin": kd.losses.MarginLoss(boundary=1.1, margin=0.3, seed=1),
    "supcon": kd.losses.SupConLoss(temperature=0.5),
    "nt_xent": kd.losses.NTXentLoss(temperature=0.5),
    "tuplet_margin": kd.losses.TupletMarginLoss(scale=8.0),
    "intra_pair_variance": kd.losses.IntraPairVarianceLoss(positive_slack=0.2),
    "threshold_consistent_margin": kd.losses.ThresholdConsistentMarginLoss(
        0.6, 0.1, positive_weight=0.5, negative_weight=2.0
    ),
    "snr_contrastive": kd.losses.SignalToNoiseRatioContrastiveLoss(margin=0.8),
    "ranked_list": kd.losses.RankedListLoss(
        boundary=1.3,
        positive_temperature=2.0,
        negative_temperature=5.0,
        balance=0.3,
    ),
    "fast_ap": kd.losses.FastAPLoss(num_bins=6),
    "centroid_triplet": kd.losses.CentroidTripletLoss(margin=0.3),
    "smooth_ap": kd.losses.SmoothAPLoss(temperature=0.1),
    "pnp": kd.losses.PNPLoss(temperature=0.1, alpha=2.0),
    "recall_at_k": kd.losses.RecallAtKLoss(
        ks=(1, 4), temperature=0.1, rank_temperature=1.5
    ),
    "proxy_nca": kd.losses.ProxyNCALoss(4, 8, temperature=0.5),
    "proxy_anchor": kd.losses.ProxyAnchorLoss(4, 8, scale=8.0),
    "normalized_softmax": kd.losses.NormalizedSoftmaxLoss(4, 8, 0.5),
    "cosface": kd.losses.CosFaceLoss(4, 8, scale=8.0),
    # So wide a margin takes some angles beyond pi.
    "arcface": kd.losses.ArcFaceLoss(4, 8, scale=8.0, margin=1.2),
    "subcenter_arcface": kd.losses.SubCenterArcFaceLoss(4, 8, 3, scale=8.0),
    "soft_triple": kd.losses.SoftTripleLoss(4, 8, num_centers=3, scale=8.0),
    "sphereface": kd.losses.SphereFaceLoss(4, 8, scale=8.0),
}
PROXY_LOSSES = [
    name
    for name, loss in LOSSES.items()
    if isinstance(loss, kd.losses.ProxyLoss)
]
PAIR_LOSSES = [name for name in LOSSES if name not in PROXY_LOSSES]


def oracle(name):
    """Returns the loop of a loss, a function of (labels, embeddings)."""
    if name not in PROXY_LOSSES:
        return getattr(naive_pair_losses, f"naive_{name}")
    naive = getattr(naive_class_losses, f"naive_{name}")
    proxies = np.asarray(LOSSES[name].proxies.get_weights()[0], np.float64)
    return functools.partial(naive, proxies=proxies)


NAIVE = {name: oracle(name) for name in LOSSES}
# What these compute from the embeddings but hold constant in the gradient.
HOLDING = ("circle", "margin", "ranked_list")


def batch(num_classes=4, num_images=4, dim=8, seed=0):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), num_images)
    embeddings = random.normal(size=(len(labels), dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return labels, embeddings.astype(np.float32)
