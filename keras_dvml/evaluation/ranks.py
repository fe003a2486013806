"""At which ranks each query finds the items of its class."""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_dvml.evaluation.checks import class_numbers, labelled_embeddings
from keras_dvml.evaluation.similarities import count_ranks

logger = logging.getLogger(__name__)


class PositiveRanks(NamedTuple):
    """What the queries find, as far as the scores need it.

    A query has R items of its class in the gallery, its positives; rank 1 is
    the nearest item. Queries without a positive are left out.

    Attributes:
        queries: `(Q,)` int array. Row numbers of the queries.
        classes: `(Q,)` array. Their labels.
        num_positive: `(Q,)` int array. R.
        best: `(Q,)` int array. Rank of the nearest positive.
        num_within_r: `(Q,)` int array. Positives of rank up to R.
        average_precision: `(Q,)` float array. `1/R sum_i i / rank_i` over the
            positives of rank up to R, i their order.
        gallery_size: Items that a query is compared with.
        num_left_out: Queries left out.

    Example:
        >>> import keras_dvml as kd
        >>> ranks = kd.evaluation.positive_ranks([[1.0], [2.0]], [0, 0])
        >>> ranks.best.tolist(), ranks.gallery_size
        ([1, 1], 1)
    """

    queries: np.ndarray
    classes: np.ndarray
    num_positive: np.ndarray
    best: np.ndarray
    num_within_r: np.ndarray
    average_precision: np.ndarray
    gallery_size: int
    num_left_out: int


def positive_ranks(
    embeddings: Any,
    labels: Any = None,
    queries: Any = None,
    progress: bool = True,
) -> PositiveRanks:
    """Finds the ranks of same-class items in the order of similarity.

    Items are ordered by the dot product in float32. Ties do not flatter: of
    equally similar items those of other classes come first. Exact, and never
    holds all similarities: the time is that of the matrix product.

    Args:
        embeddings: `(N, dim)` float array, memory map or `tf.data.Dataset`
            (of batches or of single embeddings, with or without labels); unit
            length makes the dot product the cosine.
        labels: `(N,)` array or `tf.data.Dataset` of class ids; `None` where
            the embeddings come with them.
        queries: `None`, so that each embedding is a query among all others;
            or `(query_embeddings, query_labels)` or a `tf.data.Dataset` of
            such pairs, to be looked up among all the embeddings.
        progress: Whether to show a progress bar when it takes long.

    Returns:
        `PositiveRanks`.

    Raises:
        ValueError: If no query has an item of its class to find, or the input
            is malformed.

    Example:
        >>> import keras_dvml as kd
        >>> ranks = kd.evaluation.positive_ranks(
        ...     [[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]], ["a", "b", "a"]
        ... )
        >>> ranks.queries.tolist(), ranks.best.tolist(), ranks.num_left_out
        ([0, 2], [2, 2], 1)
    """
    embeddings, labels = labelled_embeddings(embeddings, labels)
    if queries is None:
        (numbers,) = class_numbers(labels)
        asked, query_labels, gallery_size = (), labels, len(labels) - 1
    else:
        query_embeddings, query_labels = checked_queries(
            queries, embeddings.shape[1]
        )
        numbers, query_numbers = class_numbers(labels, query_labels)
        asked, gallery_size = (query_embeddings, query_numbers), len(labels)
    num_positive, best, num_within_r, precision = count_ranks(
        embeddings, numbers, *asked, progress=progress
    )
    rows = np.flatnonzero(num_positive)
    num_left_out = len(query_labels) - len(rows)
    if not len(rows):
        if queries is None:
            check_has_pairs(labels)
        raise ValueError(
            "queries must be of classes that the gallery has; received none "
            f"among its {_described(labels)}"
        )
    if num_left_out:
        logger.info(
            "%d of %d queries are left out: the gallery has no %sitem of "
            "their class",
            num_left_out,
            len(query_labels),
            "other " if queries is None else "",
        )
    return PositiveRanks(
        rows,
        query_labels[rows],
        num_positive[rows],
        best[rows],
        num_within_r[rows],
        precision[rows] / num_positive[rows],
        gallery_size,
        num_left_out,
    )


def check_has_pairs(labels: np.ndarray) -> None:
    """Raises where no two of `(N,)` labels are equal: nothing is to be found.

    Raises:
        ValueError: If so.
    """
    if len(np.unique(labels)) == len(labels):
        raise ValueError(
            f"labels must give a class two items; received {_described(labels)}"
        )


def _described(labels):
    return f"{len(labels)} items of {len(np.unique(labels))} classes"


def query_scores(
    ranks: PositiveRanks, ks: Sequence[int]
) -> dict[str, np.ndarray]:
    """Returns what the retrieval scores are means of, `(Q,)` each, by name."""
    return {
        **{f"recall@{k}": ranks.best <= k for k in ks},
        "map@r": ranks.average_precision,
        "r_precision": ranks.num_within_r / ranks.num_positive,
        "mrr": 1 / ranks.best,
    }


def checked_queries(queries: Any, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns `(query_embeddings, query_labels)` as arrays.

    Args:
        queries: As for `positive_ranks`.
        dim: Width that the embeddings must have.

    Raises:
        ValueError: If they are malformed.
    """
    if not isinstance(queries, (tuple, list)):
        return labelled_embeddings(queries, None, "queries", dim)
    if len(queries) != 2:
        raise ValueError(
            "queries must be (query_embeddings, query_labels); received "
            f"{len(queries)} parts"
        )
    query_embeddings, query_labels = queries
    return labelled_embeddings(query_embeddings, query_labels, "queries", dim)
