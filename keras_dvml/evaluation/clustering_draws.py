"""NMI, AMI and F1 of classes that are drawn with replacement."""

from collections.abc import Callable

import numpy as np

from keras_dvml.evaluation.clustering_scores import ContingencyTable


def clustering_of_draws(
    labels: np.ndarray, clusters: np.ndarray
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Returns a function from draws of classes to NMI, AMI and F1.

    A class drawn twice stays one class of twice the weight. No item is paired
    with its own copy, and what chance gives (AMI) stays as it is.

    Args:
        labels: `(N,)` array of class ids.
        clusters: `(N,)` array of cluster ids.

    Returns:
        Function from `(draws, C)` counts of each class to name -> `(draws,)`.
    """
    from scipy import sparse

    table = ContingencyTable(labels, clusters)
    by_chance = table.expected_mutual_information()
    sizes, shared, classes = table.class_sizes, table.counts, table.classes
    within = np.bincount(classes, shared * np.log(shared / sizes[classes]))
    pairs_in_both = np.bincount(classes, shared * (shared - 1) / 2)
    pairs_in_class = sizes * (sizes - 1) / 2

    def in_clusters(counts, shared):
        """Returns `(draws, K)` weighted sums of what is shared."""
        weights = sparse.csr_matrix(
            (shared.astype(float), (table.clusters, classes)),
            shape=(len(table.cluster_sizes), len(sizes)),
        )
        return (weights @ counts.T).T

    def scores_of(counts):
        cluster_sizes = in_clusters(counts, shared)
        total = counts @ sizes
        entropy = _entropies(cluster_sizes)
        # I = 1/N sum n_ck log(n_ck / n_c) - 1/N sum m_k log m_k + log N
        information = (counts @ within) / total + entropy
        mean_entropy = (_entropies(counts * sizes) + entropy) / 2
        both = counts @ pairs_in_both
        across = np.square(cluster_sizes) - in_clusters(
            np.square(counts), np.square(shared)
        )
        in_cluster = across.sum(axis=1) / 2 + both
        return {
            "nmi": _ratio(information, mean_entropy),
            "ami": _ratio(information - by_chance, mean_entropy - by_chance),
            "f1": 2 * both / (in_cluster + counts @ pairs_in_class),
        }

    return scores_of


def _entropies(sizes):
    shares = sizes / sizes.sum(axis=1, keepdims=True)
    return -np.sum(shares * np.log(np.where(shares > 0, shares, 1)), axis=1)


def _ratio(above, below):
    """Quotients, 1 where both are 0: there was nothing to get wrong."""
    some = np.abs(below) > 1e-12
    return np.where(some, above / np.where(some, below, 1), 1.0)
