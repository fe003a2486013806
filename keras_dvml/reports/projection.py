"""Embeddings on a plane, and the nearest neighbours of each."""

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.embeddings import checked_embeddings, unit_length
from keras_dvml.evaluation import nearest_neighbors

_FEWEST_FOR_TSNE = 8


def project_embeddings(embeddings: ArrayLike, *, seed: int = 0) -> np.ndarray:
    """Lays embeddings out on a plane with t-SNE, alike ones side by side.

    t-SNE runs on the normalised embeddings and starts from their principal
    plane, so that the large layout means something and one seed gives one
    map. Fewer than 8 rows get the principal plane itself. The longer side
    of the result lies along the first axis.

    Args:
        embeddings: `(N, D)` floats, finite.
        seed: Seed of t-SNE.

    Returns:
        `(N, 2)` float32 array.

    Raises:
        ValueError: When `embeddings` is empty, not 2-D, or not finite.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> kd.reports.project_embeddings(np.eye(5)).shape
        (5, 2)
    """
    directions = unit_length(checked_embeddings(embeddings))
    start = _principal_plane(directions)
    if len(directions) < _FEWEST_FOR_TSNE:
        return start.astype(np.float32)
    # Slow to import and needed only here.
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    # The spread t-SNE wants of its start; identical images have none.
    start *= 1e-4 / (np.std(start[:, 0]) or 1.0)
    tsne = TSNE(
        perplexity=min(30.0, (len(directions) - 1) / 3),
        # An array too, which its declaration leaves out.
        init=start.astype(np.float32),  # pyright: ignore[reportArgumentType]
        random_state=seed,
    )
    # Its threads wait for each other at every step: on a busy machine one
    # thread takes 5 s where two take a minute. One also sums in one order.
    with threadpool_limits(limits=1):
        points = tsne.fit_transform(directions)
    return _principal_plane(points).astype(np.float32)


def project_together(
    spaces: Sequence[np.ndarray], *, seed: int = 0
) -> list[np.ndarray]:
    """Does the same to several embeddings at once, a thread for each.

    Args:
        spaces: `(N, D)` floats each.
        seed: Seed of t-SNE.

    Returns:
        A `(N, 2)` float32 array for each.
    """
    from threadpoolctl import threadpool_limits

    # Held around all of them: the first to be done would lift the limit.
    with threadpool_limits(limits=1), ThreadPoolExecutor() as threads:
        project = functools.partial(project_embeddings, seed=seed)
        return list(threads.map(project, spaces))


def nearest_by_cosine(
    embeddings: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the `k` most similar other rows of each row, exactly.

    Args:
        embeddings: `(N, D)` floats. Need not be normalised.
        k: Neighbours per row; at most `N - 1` are returned.

    Returns:
        `(N, k)` int array of rows, nearest first, and `(N, k)` float array
        of cosine similarities.
    """
    k = min(k, len(embeddings) - 1)
    if k < 1:  # an image alone has no neighbour, which is no error here
        nothing = np.zeros((len(embeddings), 0))
        return nothing.astype(int), nothing
    return nearest_neighbors(unit_length(embeddings), k)


def _principal_plane(rows: np.ndarray) -> np.ndarray:
    """Projects onto the two directions of largest spread, zero-padded."""
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    plane = centred @ axes[:2].T
    plane = np.pad(plane, ((0, 0), (0, 2 - plane.shape[1])))
    # A singular vector's sign is arbitrary: fix it, or maps may mirror.
    peaks = plane[np.abs(plane).argmax(axis=0), [0, 1]]
    return plane * np.where(peaks < 0, -1.0, 1.0)
