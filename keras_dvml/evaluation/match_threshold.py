"""From which similarity on a search result counts as a match."""

import dataclasses
from typing import Any

import numpy as np

from keras_dvml.embeddings import similarity_blocks
from keras_dvml.evaluation.checks import class_numbers, labelled_embeddings

_NOTHING = np.float32(-np.inf)


@dataclasses.dataclass(frozen=True)
class MatchThreshold:
    """A similarity, and what it means for queries like those it came from.

    `float(...)` of it is the similarity.

    Attributes:
        threshold: Results with at least this dot product match.
        false_match_rate: 0..1. Share of the queries that an item of another
            class reaches it for: of a query whose own class the gallery lacks,
            the chance to be answered with any match.
        true_match_rate: 0..1, or `None` where no class is shared. Share of the
            queries with others of their class in the gallery that one of these
            reaches it for.
        num_queries: Queries that it was calibrated on.

    Example:
        >>> import keras_dvml as kd
        >>> float(kd.evaluation.MatchThreshold(0.7, 0.01, 0.9, 100))
        0.7
    """

    threshold: float
    false_match_rate: float
    true_match_rate: float | None
    num_queries: int

    def __float__(self) -> float:
        return self.threshold


def calibrate_match_threshold(
    embeddings: Any,
    labels: Any = None,
    gallery: Any = None,
    gallery_labels: Any = None,
    *,
    query_rows: Any = None,
    false_match_rate: float = 0.01,
) -> MatchThreshold:
    """Finds the similarity that few queries of unknown classes reach.

    Each query is compared with the gallery's items of all classes but its
    own, as if it were of a class that the gallery lacks. The threshold is the
    smallest one with no more than the asked share of the queries' best such
    items at or above it. The classes should be held out of training: a model
    sets the classes it has seen apart as no others. The more items a gallery
    has, the closer comes the best of them: calibrate on the gallery that is
    served, or one of its size.

    Args:
        embeddings: `(Q, dim)` float array of the queries, or a data set, as
            for `evaluate_retrieval`.
        labels: `(Q,)` array; `None` where the data set has them.
        gallery: `(N, dim)` float array; by default the queries, each of which
            is left out of its own answer.
        gallery_labels: `(N,)` array, or `None` likewise.
        query_rows: `(Q,)` int array, where the gallery holds the queries: the
            row of each, which is no match of itself.
        false_match_rate: 0..1.

    Returns:
        `MatchThreshold`.

    Raises:
        ValueError: If the rate is not in 0..1, a query has no item of another
            class to be compared with, or a row is not in the gallery.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> angles = np.radians([0, 10, 90, 95])
        >>> embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        >>> match = kd.evaluation.calibrate_match_threshold(
        ...     embeddings, [0, 0, 1, 1]
        ... )
        >>> round(float(match), 3), match.true_match_rate
        (0.174, 1.0)
    """
    if not 0 <= false_match_rate <= 1:
        raise ValueError(
            f"false_match_rate must be in 0..1; received {false_match_rate}"
        )
    embeddings, labels = labelled_embeddings(embeddings, labels)
    if gallery is None:
        items, item_labels = embeddings, labels
        query_rows = np.arange(len(labels))
    else:
        items, item_labels = labelled_embeddings(
            gallery, gallery_labels, "gallery", embeddings.shape[1]
        )
    if query_rows is not None:
        query_rows = _checked_rows(query_rows, len(labels), len(item_labels))
    labels, item_labels = class_numbers(labels, item_labels)
    others, mates = [], []
    for rows, scores in similarity_blocks(embeddings, items):
        same = labels[rows, None] == item_labels
        others.append(np.where(same, _NOTHING, scores).max(axis=1))
        if query_rows is not None:
            scores[np.arange(len(scores)), query_rows[rows]] = _NOTHING
        mates.append(np.where(same, scores, _NOTHING).max(axis=1))
    return _threshold(
        np.concatenate(others), np.concatenate(mates), false_match_rate
    )


def _checked_rows(rows: Any, num_queries: int, num_items: int) -> np.ndarray:
    rows = np.asarray(rows)
    is_right = rows.shape == (num_queries,) and rows.dtype.kind in "iu"
    if not is_right or rows.min() < 0 or rows.max() >= num_items:
        raise ValueError(
            f"query_rows must be {num_queries} numbers of rows of the gallery, "
            f"0 to {num_items - 1}; received {rows!r}"
        )
    return rows


def _threshold(others, mates, false_match_rate):
    if not np.isfinite(others).all():
        raise ValueError(
            "gallery must have items of another class for each query; received "
            f"none for row {np.argmin(np.isfinite(others))}"
        )
    highest_first = np.sort(others)[::-1]
    num_allowed = int(false_match_rate * len(others))
    # The first one too many must stay below: the next number above it.
    threshold = (
        np.nextafter(highest_first[num_allowed], np.float32(np.inf))
        if num_allowed < len(others)
        else highest_first[-1]
    )
    mates = mates[np.isfinite(mates)]
    return MatchThreshold(
        threshold=float(threshold),
        false_match_rate=float(np.mean(others >= threshold)),
        true_match_rate=(
            float(np.mean(mates >= threshold)) if len(mates) else None
        ),
        num_queries=len(others),
    )
