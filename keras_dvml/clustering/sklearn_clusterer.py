"""Clusterers of scikit-learn as clusterers of rounds."""

from typing import Any

import numpy as np

from keras_dvml.clustering.clustering import Clusterer, summarize
from keras_dvml.clustering.points import prepare_points
from keras_dvml.clustering.reseeding import reseed_empty


def sklearn_clusterer(estimator: Any, *, metric: str = "cosine") -> Clusterer:
    """Returns a function that clusters with a clusterer of scikit-learn.

    Each round fits a copy of the estimator. Where it has a parameter `init`,
    as `sklearn.cluster.KMeans` does, later rounds start from the centroids of
    the one before.

    Args:
        estimator: Clusterer with its settings, a seed (`random_state`) among
            them where it draws. Labels below 0 are noise.
        metric: `"cosine"`, which scales embeddings to length 1 beforehand, or
            `"euclidean"`.

    Returns:
        Function `(embeddings, previous) -> Clustering`, as
        `training.PseudoLabels` and `training.next_round` use it.

    Raises:
        TypeError: If the estimator is no clusterer of scikit-learn.
        ValueError: From the function, if it finds nothing but noise.

    Example:
        >>> import keras_dvml as kd
        >>> from sklearn import cluster
        >>> clusterer = kd.clustering.sklearn_clusterer(
        ...     cluster.AgglomerativeClustering(n_clusters=2)
        ... )
        >>> embeddings = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]
        >>> clusterer(embeddings, None).sizes.tolist()
        [2, 1]
    """
    from sklearn import base

    if not isinstance(estimator, base.ClusterMixin):
        raise TypeError(
            "estimator must be a clusterer of scikit-learn; received "
            f"{estimator!r}"
        )

    def cluster(embeddings, previous):
        points = prepare_points(embeddings, metric)
        fitted: Any = base.clone(estimator)
        settings = fitted.get_params()
        if previous is not None and "init" in settings:
            start = points.prepare(previous.centroids)
            fitted.set_params(init=start, n_init=1)
        labels = np.asarray(fitted.fit_predict(points.values), np.int64)
        if labels.max() < 0:
            raise ValueError(
                f"estimator found no cluster among {len(labels)} embeddings, "
                "only noise"
            )
        num_clusters = settings.get("n_clusters") or labels.max() + 1
        num_reseeded = 0
        if labels.min() >= 0:
            labels, num_reseeded = reseed_empty(
                points.values, labels, num_clusters
            )
        centroids = points.means(labels, num_clusters)
        return summarize(points, labels, centroids, num_reseeded)

    return cluster
