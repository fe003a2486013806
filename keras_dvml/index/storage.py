"""How embeddings are kept: in four bytes a number, in two, or in one."""

import numpy as np

STORAGES = ("float32", "float16", "int8")


def encode(
    embeddings: np.ndarray, storage: str
) -> tuple[np.ndarray, np.ndarray]:
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
    if storage == "int8":
        largest = np.abs(embeddings).max(axis=1)
        scales = np.where(largest > 0, largest / 127, 1).astype(np.float32)
        return np.rint(embeddings / scales[:, None]).astype(np.int8), scales
    if storage == "float16":
        limit, largest = np.finfo(np.float16).max, np.abs(embeddings).max()
        if largest > limit:
            raise ValueError(
                f"embeddings must be at most {limit:.0f} in size to be stored "
                f"as float16; received {largest:.3g}"
            )
        embeddings = embeddings.astype(np.float16)
    return embeddings, np.ones(len(embeddings), np.float32)


def decode(stored: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Returns the `(N, dim)` float32 embeddings that `encode` stored."""
    if stored.dtype == np.float32:
        return stored
    return stored.astype(np.float32) * scales[:, None]
