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
HOLDING = ("circle", "margin")


def batch(num_classes=4, num_images=4, dim=8, seed=0):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), num_images)
    embeddings = random.normal(size=(len(labels), dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return labels, embeddings.astype(np.float32)
