"""Clusterings of embeddings, whose ids can stand in for labels."""

from keras_dvml.clustering.alignment import align_clusters
from keras_dvml.clustering.clustering import Clustering, ClusterSizeWarning
from keras_dvml.clustering.hdbscan import hdbscan
from keras_dvml.clustering.k_means import k_means
from keras_dvml.clustering.nearest import nearest_centroids

__all__ = [
    "ClusterSizeWarning", "Clustering", "align_clusters", "hdbscan",
    "k_means", "nearest_centroids",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
