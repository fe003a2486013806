"""How well a k-means clustering of embeddings agrees with their classes."""

import numpy as np
from sklearn import cluster, metrics

from keras_dvml.evaluation.checks import checked_embeddings, checked_labels


def clustering_scores(embeddings, labels, seed=0):
    """Clusters embeddings into as many clusters as classes and compares.

    Args:
        embeddings: `(N, dim)` float array.
        labels: `(N,)` array of class ids.
        seed: int. Seed of k-means.

    Returns:
        dict of floats: `nmi` (normalised mutual information, arithmetic mean,
        0..1), `ami` (adjusted for chance, at most 1), `f1` (pairwise F1,
        0..1).
    """
    embeddings = checked_embeddings(embeddings)
    labels = checked_labels(labels, len(embeddings))
    k_means = cluster.KMeans(labels.max() + 1, n_init=1, random_state=seed)
    clusters = k_means.fit_predict(embeddings)
    return {
        "nmi": float(metrics.normalized_mutual_info_score(labels, clusters)),
        "ami": float(metrics.adjusted_mutual_info_score(labels, clusters)),
        "f1": pairwise_f1(labels, clusters),
    }


def pairwise_f1(labels, clusters):
    """F1 of "same cluster" as a prediction of "same class", over all pairs.

    Args:
        labels: `(N,)` array of class ids.
        clusters: `(N,)` array of cluster ids.

    Returns:
        float in 0..1; 0 where no pair agrees.
    """
    contingency = metrics.cluster.contingency_matrix(labels, clusters)
    both = _num_pairs(contingency)
    if not both:
        return 0.0
    precision = both / _num_pairs(contingency.sum(axis=0))
    recall = both / _num_pairs(contingency.sum(axis=1))
    return float(2 * precision * recall / (precision + recall))


def _num_pairs(sizes):
    sizes = np.asarray(sizes, np.float64)
    return float(np.sum(sizes * (sizes - 1) / 2))
