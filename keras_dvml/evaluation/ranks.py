"""At which ranks each query finds the items of its class."""

import logging
from typing import NamedTuple

import numpy as np

from keras_dvml.evaluation.checks import class_numbers, labelled_embeddings
from keras_dvml.evaluation.similarities import count_ranks

_LOGGER = logging.getLogger(__name__)


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
        gallery_size: int. Items that a query is compared with.
        num_left_out: int. Queries left out.
    """

    queries: np.ndarray
    classes: np.ndarray
    num_positive: np.ndarray
    best: np.ndarray
    num_within_r: np.ndarray
    average_precision: np.ndarray
    gallery_size: int
    num_left_out: int


def positive_ranks(embeddings, labels=None, queries=None, progress=True):
    """Finds where same-class items stand in the order of similarity.

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
        progress: bool. Whether to show a progress bar when it takes long.

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
        counted = count_ranks(embeddings, numbers, progress=progress)
        query_labels, gallery_size = labels, len(labels) - 1
    else:
        dim = embeddings.shape[1]
        query_embeddings, query_labels = checked_queries(queries, dim)
        numbers, query_numbers = class_numbers(labels, query_labels)
        counted = count_ranks(
            embeddings, numbers, query_embeddings, query_numbers, progress
        )
        gallery_size = len(labels)
    num_positive, best, num_within_r, precision = counted
    rows = np.flatnonzero(num_positive)
    num_left_out = len(query_labels) - len(rows)
    if not len(rows):
        raise ValueError(_nothing_to_find(labels, queries))
    if num_left_out:
        _LOGGER.info(
            "%d of %d queries are left out: the gallery has no %sitem of "
            "their class",
            *(num_left_out, len(query_labels)),
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


def checked_queries(queries, dim):
    """Returns `(query_embeddings, query_labels)` as arrays.

    Raises:
        ValueError: If they are malformed, or not `(Q, dim)`.
    """
    if isinstance(queries, (tuple, list)):
        if len(queries) != 2:
            raise ValueError(
                "queries must be (query_embeddings, query_labels); received "
                f"{len(queries)} parts"
            )
        checked = labelled_embeddings(*queries, name="queries")
    else:
        checked = labelled_embeddings(queries, name="queries")
    if checked[0].shape[1] != dim:
        raise ValueError(
            f"queries must have the embeddings' {dim} columns; received shape "
            f"{checked[0].shape}"
        )
    return checked


def _nothing_to_find(labels, queries):
    if queries is None:
        return (
            "no class has two items, so there is nothing to retrieve; "
            f"received {len(labels)} items of {len(np.unique(labels))} classes"
        )
    return (
        "no query has an item of its class in the gallery, so there is "
        f"nothing to retrieve; the gallery has {len(labels)} items of "
        f"{len(np.unique(labels))} classes"
    )
