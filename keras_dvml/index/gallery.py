"""What embeddings and ids must be to be stored under a metric."""

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.arguments import check_one_of
from keras_dvml.embeddings import checked_embeddings, unit_length
from keras_dvml.index.text_ids import checked_ids

METRICS = ("dot_product", "cosine")


def checked_gallery(
    embeddings: ArrayLike,
    ids: ArrayLike | None,
    metric: str,
    dim: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns what a metric makes of embeddings, and ids as str.

    Args:
        embeddings: `(N, dim)` float array.
        ids: N str, or `None` for the row numbers.
        metric: "dot_product" or "cosine".
        dim: Width that embeddings must have, or `None` for any.

    Returns:
        Tuple of `(N, dim)` float32 array, of unit length for "cosine", and
        `(N,)` object array of str.

    Raises:
        ValueError: If embeddings are malformed or not finite, ids are no text,
            repeat, are empty or differ in number, the metric is neither, or an
            embedding is zero where it is "cosine".
    """
    check_one_of(METRICS, metric=metric)
    embeddings = checked_embeddings(embeddings, dim=dim)
    embeddings = np.ascontiguousarray(embeddings)
    if metric == "cosine":
        embeddings = unit_length(embeddings)
        is_zero = ~embeddings.any(axis=1)
        if is_zero.any():
            raise ValueError(
                "embeddings must not be zero where metric is cosine; received "
                f"zeros in row {is_zero.argmax()}"
            )
    ids = np.arange(len(embeddings)) if ids is None else ids
    return embeddings, checked_ids(ids, len(embeddings))
