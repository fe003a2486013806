"""What is kept of a round of pseudo-labels."""

from typing import NamedTuple

import numpy as np
from sklearn import metrics


class LabelRound(NamedTuple):
    """How one round of clustering went.

    Figures that compare are NaN where there is nothing to compare with: the
    first round has none before it.

    Attributes:
        round: int. Counted from 0.
        epoch: int, counted from 0. The first that trained on these labels.
        num_clusters: int. Clusters with members.
        smallest: int. Members of the smallest of them.
        median: float. Members of the median one.
        largest: int. Members of the largest.
        num_empty: int. Clusters without a member.
        num_single: int. Clusters of one member.
        num_noise: int. Images that belong to no cluster.
        num_reseeded: int. How many times an empty cluster was filled.
        inertia: float, as in `clustering.Clustering`.
        changed: float in 0..1. Share of images whose cluster is another than
            in the round before, ids being aligned.
        nmi_previous: float in 0..1. Normalised mutual information with the
            round before; noise counts as a cluster.
        nmi_true: float in 0..1. The same with the true labels.
    """

    round: int
    epoch: int
    num_clusters: int
    smallest: int
    median: float
    largest: int
    num_empty: int
    num_single: int
    num_noise: int
    num_reseeded: int
    inertia: float
    changed: float
    nmi_previous: float
    nmi_true: float


def describe_round(number, epoch, clustering, previous, true_labels):
    """Returns the `LabelRound` of a clustering.

    Args:
        number: int. The round.
        epoch: int. The first that trains on it.
        clustering: `clustering.Clustering`, aligned with the one before.
        previous: `clustering.Clustering` before it, or `None`.
        true_labels: `(N,)` array or `None`.
    """
    sizes = clustering.sizes[clustering.sizes > 0]
    changed = nmi_previous = nmi_true = float("nan")
    if previous is not None:
        changed = np.mean(clustering.assignments != previous.assignments)
        nmi_previous = metrics.normalized_mutual_info_score(
            previous.assignments, clustering.assignments
        )
    if true_labels is not None:
        nmi_true = metrics.normalized_mutual_info_score(
            true_labels, clustering.assignments
        )
    return LabelRound(
        round=number,
        epoch=epoch,
        num_clusters=len(sizes),
        smallest=int(sizes.min()),
        median=float(np.median(sizes)),
        largest=int(sizes.max()),
        num_empty=clustering.num_empty,
        num_single=clustering.num_single,
        num_noise=clustering.num_noise,
        num_reseeded=clustering.num_reseeded,
        inertia=clustering.inertia,
        changed=float(changed),
        nmi_previous=float(nmi_previous),
        nmi_true=float(nmi_true),
    )
