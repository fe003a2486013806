"""How embeddings are kept: in four bytes a number, in two, or in one."""

import numpy as np

STORAGES = ("float32", "float16", "int8")


def check_storage(storage):
    """Returns a storage's name, or raises ValueError."""
    if storage not in STORAGES:
        raise ValueError(
            f"storage must be one of {', '.join(STORAGES)}; received "
            f"{storage!r}"
        )
    return storage


def encode(embeddings, storage):
    """Returns embeddings as they are stored.

    Args:
        embeddings: `(N, dim)` float32 array.
        storage: "float32"; "float16", each number rounded to 11 binary
            digits; or "int8", each embedding divided by a scale of its own,
            its largest number over 127, and rounded.

    Returns:
        Tuple of `(N, dim)` array of that type and `(N,)` float32 scales,
        all 1 but for "int8".

    Raises:
        ValueError: If a number is too large for float16.
    """
    scales = np.ones(len(embeddings), np.float32)
    if storage == "float16":
        limit = np.finfo(np.float16).max
        if np.abs(embeddings).max() > limit:
            raise ValueError(
                f"embeddings must be at most {limit:.0f} in size to be stored "
                f"as float16; received {np.abs(embeddings).max():.3g}"
            )
        return embeddings.astype(np.float16), scales
    if storage == "int8":
        largest = np.abs(embeddings).max(axis=1)
        scales = np.where(largest > 0, largest / 127, 1).astype(np.float32)
        return np.rint(embeddings / scales[:, None]).astype(np.int8), scales
    return embeddings, scales


def decode(stored, scales):
    """Returns the `(N, dim)` float32 embeddings that `encode` stored."""
    if stored.dtype == np.float32:
        return stored
    return stored.astype(np.float32) * scales[:, None]
