"""Clusterings of embeddings, whose ids can serve as labels."""

from keras_dvml.clustering.alignment import align_clusters
from keras_dvml.clustering.clustering import Clustering, ClusterSizeWarning
from keras_dvml.clustering.hdbscan import hdbscan
from keras_dvml.clustering.k_means import k_means, k_means_clusterer
from keras_dvml.clustering.nearest import nearest_centroids
from keras_dvml.clustering.sklearn_clusterer import sklearn_clusterer

__all__ = [
    "ClusterSizeWarning", "Clustering", "align_clusters", "hdbscan",
    "k_means", "k_means_clusterer", "nearest_centroids",
    "sklearn_clusterer",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
