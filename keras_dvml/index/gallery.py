"""What embeddings and ids must be to be stored under a metric."""

import numpy as np

METRICS = ("dot_product", "cosine")


def check_metric(metric):
    """Returns a metric's name, or raises ValueError."""
    if metric not in METRICS:
        raise ValueError(
            f"metric must be one of {', '.join(METRICS)}; received {metric!r}"
        )
    return metric


def checked_gallery(embeddings, ids, metric):
    """Returns what a metric makes of embeddings, and ids as str.

    Args:
        embeddings: `(N, dim)` float array.
        ids: sequence of N str, or `None` for the row numbers.
        metric: "dot_product" or "cosine".

    Returns:
        Tuple of `(N, dim)` float32 array, of unit length for "cosine", and
        `(N,)` array of str.

    Raises:
        ValueError: If there are no embeddings, some are not finite, ids
            repeat, are empty or differ in number, the metric is neither, or
            an embedding is zero where it is "cosine".
    """
    check_metric(metric)
    embeddings = np.ascontiguousarray(embeddings, dtype=np.float32)
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise ValueError(
            "embeddings must be (N, dim) with N, dim >= 1; received shape "
            f"{embeddings.shape}"
        )
    check_finite(embeddings, "embeddings")
    if metric == "cosine":
        embeddings = unit_length(embeddings)
        zero = ~embeddings.any(axis=1)
        if zero.any():
            raise ValueError(
                "embeddings must not be zero where metric is cosine; row "
                f"{zero.argmax()} is"
            )
    if ids is None:
        ids = np.arange(len(embeddings))
    return embeddings, _checked_ids(ids, len(embeddings))


def check_finite(embeddings, name):
    """Raises where a score of embeddings may not be finite.

    The product of two vectors is at most that of their lengths: where the
    squares of both are finite, so is their score. Of one that is not, some
    releases of ScaNN take the process down.

    Args:
        embeddings: `(N, dim)` float32 array.
        name: str. The argument's.

    Raises:
        ValueError: If one is NaN, infinite or longer than 1e19.
    """
    # The sum of all squares tells it soonest, where it is finite.
    if np.isfinite(np.vdot(embeddings, embeddings)):
        return
    if not np.isfinite(embeddings).all():
        raise ValueError(f"{name} must be finite; received NaN or infinity")
    with np.errstate(over="ignore"):
        squares = np.einsum("nd,nd->n", embeddings, embeddings)
    too_long = ~np.isfinite(squares)
    if too_long.any():
        raise ValueError(
            f"{name} must be shorter than 1e19; row {too_long.argmax()} is not"
        )


def unit_length(embeddings):
    """Returns rows divided by their length; a zero row stays zero."""
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings / np.maximum(length, np.finfo(np.float32).tiny)


def _checked_ids(ids, num_embeddings):
    ids = np.asarray(ids).astype(np.str_)
    if ids.shape != (num_embeddings,):
        raise ValueError(
            f"{num_embeddings} embeddings but ids of shape {ids.shape}; "
            "expected one id each"
        )
    if (ids == "").any():
        # It stands for "nothing found" in the answer to a search.
        raise ValueError(
            f"ids must not be empty; number {(ids == '').argmax()} is ''"
        )
    unique, counts = np.unique(ids, return_counts=True)
    if len(unique) != len(ids):
        repeated = str(unique[counts.argmax()])
        raise ValueError(
            f"ids must be unique; {repeated!r} occurs {counts.max()} times"
        )
    return ids
