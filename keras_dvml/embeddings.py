"""What embeddings must be, and how many rows of them are worked on at once.

Whether they are scored, clustered, indexed or drawn: the same is valid, and
what is not is reported in the same words.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.arguments import in_order

#: Rows that are checked or scaled at once; a memory map is never read whole.
ROWS_AT_ONCE = 4096
#: Queries that are compared with a whole gallery at once.
QUERIES_AT_ONCE = 1024


def checked_embeddings(
    embeddings: ArrayLike, name: str = "embeddings", dim: int | None = None
) -> np.ndarray:
    """Returns embeddings as `(N, dim)` float32, the same memory if they are.

    Args:
        embeddings: `(N, dim)` array of real numbers, N >= 1.
        name: What the argument is called.
        dim: Width that they must have, or `None` for any.

    Raises:
        ValueError: If they are not such a matrix, or not finite.
    """
    rows = checked_rows(embeddings, name, dim)
    return rows.astype(np.float32, copy=False)


def checked_rows(
    rows: ArrayLike, name: str = "embeddings", dim: int | None = None
) -> np.ndarray:
    """Does the same, but leaves the precision, and a memory map, as it is."""
    rows = np.asarray(in_order(rows, name))
    if rows.ndim != 2 or 0 in rows.shape or dim not in (None, rows.shape[1]):
        expected = f"(N, {dim}) with N" if dim else "(N, dim) with N, dim"
        raise ValueError(
            f"{name} must be {expected} >= 1; received shape {rows.shape}"
        )
    # NumPy does not count bfloat16 among its own floats.
    if rows.dtype.kind not in "fiub" and "float" not in str(rows.dtype):
        raise ValueError(f"{name} must be real numbers; received {rows.dtype}")
    check_finite(rows, name)
    return rows


def check_finite(rows: np.ndarray, name: str) -> None:
    """Raises where the product of two rows may not be finite.

    It is at most the product of their lengths: where the squares of both are
    finite in float32, so is the product. Of one that is not, some releases of
    ScaNN end the process.

    Args:
        rows: `(N, dim)` array of real numbers.
        name: What the argument is called.

    Raises:
        ValueError: If a row is not finite, or longer than 1.8e19.
    """
    # The sum of all squares shows it soonest, where it is finite.
    if rows.dtype == np.float32 and np.isfinite(np.vdot(rows, rows)):
        return
    is_finite = np.empty(len(rows), bool)
    with np.errstate(over="ignore", invalid="ignore"):
        for block in blocks(len(rows), ROWS_AT_ONCE):
            part = rows[block].astype(np.float32, copy=False)
            is_finite[block] = np.isfinite(np.einsum("nd,nd->n", part, part))
    if not is_finite.all():
        raise ValueError(
            f"{name} must be finite and no longer than 1.8e19; received NaN, "
            f"infinity or a longer one in {np.count_nonzero(~is_finite)} of "
            f"{len(rows)} rows, first in row {np.argmin(is_finite)}"
        )


def unit_length(rows: ArrayLike) -> np.ndarray:
    """Returns rows as float32, scaled to length 1; a row of zeros stays.

    Args:
        rows: `(N, dim)` array, finite.
    """
    rows = np.asarray(rows, np.float32)
    # By the largest entry first: float32 has no squares of very small ones.
    scale = np.abs(rows).max(axis=1, keepdims=True)
    rows = rows / np.where(scale > 0, scale, 1)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)


def blocks(num_rows: int, size: int) -> Iterator[slice]:
    """Yields slices of `size` rows that cover all, the last perhaps less."""
    for start in range(0, num_rows, size):
        yield slice(start, min(start + size, num_rows))


def similarity_blocks(
    queries: np.ndarray, gallery: np.ndarray
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields dot products of some queries with a whole gallery.

    Args:
        queries: `(Q, dim)` float32 array.
        gallery: `(N, dim)` float32 array.

    Yields:
        The rows of the queries, and their `(rows, N)` float32 products.
    """
    for rows in blocks(len(queries), QUERIES_AT_ONCE):
        yield rows, queries[rows] @ gallery.T
