"""What embeddings and labels must be to be scored."""

import numpy as np


def checked_embeddings(embeddings, name="embeddings"):
    """Returns embeddings as `(N, dim)` float32.

    Raises:
        ValueError: If they are not a matrix, empty, or not finite.
    """
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise ValueError(
            f"{name} must be (N, dim) with N, dim >= 1; received shape "
            f"{embeddings.shape}"
        )
    embeddings = embeddings.astype(np.float32, copy=False)
    finite = np.isfinite(embeddings).all(axis=1)
    if not finite.all():
        first = int(np.argmin(finite))
        raise ValueError(
            f"{name} must be finite; {np.count_nonzero(~finite)} of "
            f"{len(finite)} rows hold NaN or infinity, the first being row "
            f"{first}"
        )
    return embeddings


def checked_labels(labels, num_rows):
    """Returns labels as `(N,)` class numbers 0..C-1.

    Raises:
        ValueError: If there is not one label a row.
    """
    labels = np.asarray(labels).reshape(-1)
    if len(labels) != num_rows:
        raise ValueError(
            f"{num_rows} embeddings but {len(labels)} labels; expected one "
            "label a row"
        )
    return np.unique(labels, return_inverse=True)[1].reshape(-1)
