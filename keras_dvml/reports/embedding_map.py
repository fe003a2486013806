"""A plane on which images that embed alike lie side by side."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_dvml.evaluation import nearest_neighbors
from keras_dvml.reports.thumbnails import thumbnail_sheet

_TILE = 48
_FEWEST_FOR_TSNE = 8
_CLASSES_AT_LEAST = 20
_PLURALS = {"class": "classes", "cluster": "clusters"}


@dataclasses.dataclass(frozen=True, eq=False)
class EmbeddingMap:
    """Embedded images to be drawn as a map.

    Args:
        embeddings: `(N, D)` float array, finite. Need not be normalised.
        labels: `(N,)` array of any sortable values. Classes.
        label_names: `N` strings. What the class of each image is called.
        image_bytes: `N` encoded images (JPEG, PNG, GIF or BMP).
        noun: str. What the labels tell apart: `"class"`, of classes that were
            not trained on, or `"cluster"`, which nobody calls right or wrong.

    Raises:
        ValueError: When lengths differ, there is no image, an embedding is
            not finite, or the noun is another.

    Example:
    >>> import tensorflow as tf
    >>> from keras_dvml.reports import EmbeddingMap
    >>> png = tf.io.encode_png(tf.zeros((8, 8, 3), tf.uint8)).numpy()
    >>> EmbeddingMap([[0.0, 1.0]], [3], ["wren"], [png]).embeddings.shape
    (1, 2)
    """

    embeddings: np.ndarray
    labels: np.ndarray
    label_names: Sequence[str]
    image_bytes: Sequence[bytes]
    noun: str = "class"

    def __post_init__(self):
        if self.noun not in _PLURALS:
            raise ValueError(
                f"`noun` must be one of {tuple(_PLURALS)}. Received: "
                f"{self.noun!r}"
            )
        embeddings = _check_embeddings(self.embeddings)
        labels = np.asarray(self.labels)
        if labels.ndim != 1:
            raise ValueError(
                f"`labels` must have shape (N,). Received: shape {labels.shape}"
            )
        for name, values in (
            ("labels", labels),
            ("label_names", self.label_names),
            ("image_bytes", self.image_bytes),
        ):
            if len(values) != len(embeddings):
                raise ValueError(
                    f"`{name}` must have one entry per row of `embeddings` "
                    f"({len(embeddings)}). Received: {len(values)}"
                )
        object.__setattr__(self, "embeddings", embeddings)
        object.__setattr__(self, "labels", labels)


def project_embeddings(embeddings, *, seed: int = 0) -> np.ndarray:
    """Lays embeddings out on a plane with t-SNE, alike ones side by side.

    t-SNE runs on the normalised embeddings and starts from their principal
    plane, so that the large layout means something and one seed gives one
    map. Fewer than 8 rows get the principal plane itself. The longer side
    of the result lies along the first axis.

    Args:
        embeddings: `(N, D)` float array, finite.
        seed: int. Seed of t-SNE.

    Returns:
        `(N, 2)` float32 array.

    Raises:
        ValueError: When `embeddings` is empty, not 2-D, or not finite.

    Example:
    >>> import numpy as np
    >>> from keras_dvml.reports import project_embeddings
    >>> project_embeddings(np.eye(5)).shape
    (5, 2)
    """
    directions = _normalize(_check_embeddings(embeddings))
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
        init=start.astype(np.float32),
        random_state=seed,
    )
    # Its threads wait for each other at every step: on a busy machine one
    # thread takes 5 s where two take a minute. One also sums in one order.
    with threadpool_limits(limits=1):
        points = tsne.fit_transform(directions)
    return _principal_plane(points).astype(np.float32)


def nearest_by_cosine(embeddings, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Finds the `k` most similar other rows of each row, exactly.

    Args:
        embeddings: `(N, D)` float array. Need not be normalised.
        k: int. Neighbours per row; at most `N - 1` are returned.

    Returns:
        `(N, k)` int array of rows, nearest first, and `(N, k)` float array
        of cosine similarities.
    """
    k = min(k, len(embeddings) - 1)
    if k < 1:  # an image alone has no neighbour, which is no error here
        return np.zeros((len(embeddings), 0), int), np.zeros(
            (len(embeddings), 0)
        )
    return nearest_neighbors(_normalize(np.asarray(embeddings)), k)


def sample_by_class(labels, max_points: int, *, seed: int = 0) -> np.ndarray:
    """Chooses whole classes until `max_points` images are reached.

    Half a class would lie about how tight classes are. Only where whole
    classes would leave fewer than 20 of them are large ones thinned out.

    Args:
        labels: `(N,)` array. Class of each image.
        max_points: int. Most images to choose.
        seed: int. Seed of the choice.

    Returns:
        Sorted int array of positions in `labels`.
    """
    labels = np.asarray(labels)
    if len(labels) <= max_points:
        return np.arange(len(labels))
    rng = np.random.default_rng(seed)
    classes = rng.permutation(np.unique(labels))
    share = max(1, max_points // min(len(classes), _CLASSES_AT_LEAST))
    chosen: list[np.ndarray] = []
    room = max_points
    for label in classes:
        members = rng.permutation(np.flatnonzero(labels == label))[:share]
        if len(members) > room:
            break
        chosen.append(members)
        room -= len(members)
    return np.sort(np.concatenate(chosen))


def map_data(
    embedding_map: EmbeddingMap,
    *,
    max_points: int = 1500,
    num_neighbors: int = 8,
    seed: int = 0,
) -> dict:
    """Computes all that the page needs to draw the map.

    Returns:
        JSON-ready dict: `points` (flat x, y), `classes` (class per point),
        `names` and `hues` (per class), `neighbors` and `similarities` (per
        point), `sheet` (data URI of the thumbnails), `columns` and `tile`
        (its layout), the numbers of images and classes shown and given, and
        what they are called, `noun` and `groups`, alone `prefix` and the
        name; `judged` says whether another class is a wrong one.
    """
    chosen = sample_by_class(embedding_map.labels, max_points, seed=seed)
    embeddings = embedding_map.embeddings[chosen]
    labels, classes = np.unique(
        embedding_map.labels[chosen], return_inverse=True
    )
    names = [""] * len(labels)
    for position, row in zip(classes, chosen, strict=True):
        names[position] = str(embedding_map.label_names[row])
    points = project_embeddings(embeddings, seed=seed)
    neighbors, similarities = nearest_by_cosine(embeddings, num_neighbors)
    sheet, columns = thumbnail_sheet(
        [embedding_map.image_bytes[row] for row in chosen], _TILE
    )
    return {
        "points": np.round(points.astype(float), 2).ravel().tolist(),
        "classes": classes.tolist(),
        "names": names,
        "hues": class_hues(points, classes),
        "neighbors": neighbors.tolist(),
        "similarities": np.round(similarities, 3).tolist(),
        "sheet": sheet,
        "columns": columns,
        "tile": _TILE,
        "num_images": len(chosen),
        "num_images_given": len(embedding_map.labels),
        "num_classes": len(labels),
        "num_classes_given": len(np.unique(embedding_map.labels)),
        "noun": embedding_map.noun,
        "groups": _PLURALS[embedding_map.noun],
        "prefix": "cluster " if embedding_map.noun == "cluster" else "",
        "judged": embedding_map.noun == "class",
    }


def class_hues(points, classes) -> list[int]:
    """Returns a hue in degrees for each class, unlike its neighbours' hues.

    A hundred classes share the colour circle, so hues cannot name them;
    they can keep apart the ones that touch. Classes are walked in the order
    of their angle around the map's centre, and each step turns the hue by
    the golden angle.

    Args:
        points: `(N, 2)` float array.
        classes: `(N,)` int array, 0..C-1, each present.
    """
    classes = np.asarray(classes)
    counts = np.bincount(classes)
    x = np.bincount(classes, points[:, 0]) / counts
    y = np.bincount(classes, points[:, 1]) / counts
    order = np.argsort(np.arctan2(y - y.mean(), x - x.mean()), kind="stable")
    hues = np.empty(len(counts), int)
    hues[order] = np.round(np.arange(len(counts)) * 137.508) % 360
    return hues.tolist()


def _check_embeddings(embeddings) -> np.ndarray:
    embeddings = np.asarray(embeddings, np.float32)
    if embeddings.ndim != 2 or not embeddings.size:
        raise ValueError(
            "`embeddings` must have shape (N, D) and hold at least one row. "
            f"Received: shape {embeddings.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if len(bad):
        raise ValueError(
            "`embeddings` must be finite. Received: NaN or infinity in "
            f"{len(bad)} of {len(embeddings)} rows, first in row {bad[0]}"
        )
    return embeddings


def _normalize(embeddings: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings / np.where(lengths > 0, lengths, 1)


def _principal_plane(rows: np.ndarray) -> np.ndarray:
    """Projects onto the two directions of largest spread, zero-padded."""
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    plane = centred @ axes[:2].T
    plane = np.pad(plane, ((0, 0), (0, 2 - plane.shape[1])))
    # A singular vector's sign is arbitrary: fix it, or maps may mirror.
    peaks = plane[np.abs(plane).argmax(axis=0), [0, 1]]
    return plane * np.where(peaks < 0, -1.0, 1.0)
