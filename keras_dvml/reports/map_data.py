"""What the page needs to draw maps on which alike images lie together."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.reports.embedding_map import EmbeddingMap, numbered_classes
from keras_dvml.reports.projection import nearest_by_cosine, project_together
from keras_dvml.reports.thumbnails import thumbnail_sheet

_TILE = 48
_CLASSES_AT_LEAST = 20


def map_data(
    embedding_map: EmbeddingMap,
    *,
    central: bool = False,
    max_points: int = 5000,
    num_neighbors: int = 8,
    seed: int = 0,
) -> dict[str, Any]:
    """Computes all that the page needs to draw the maps.

    Args:
        embedding_map: Embedded images.
        central: Whether there is a second map, of the central latent space:
            embeddings less the centre of their class.
        max_points: Most images to show.
        num_neighbors: Neighbours of each image.
        seed: Seed of the choice and of t-SNE.

    Returns:
        JSON-ready dict: `classes` (class per point), `names` and `hues` (per
        class), `layouts` (see `_layout`: the embedding, then the central
        latent space), `sheet` (data URI of the thumbnails), `columns` and
        `tile` (its layout), the numbers of images and classes shown and
        given, what they are called, `noun` and `groups`, alone `prefix` and
        the name, and `same_class_by_chance` (share of all pairs of points
        that are of one class).
    """
    chosen = sample_by_class(embedding_map.labels, max_points, seed=seed)
    classes, names = numbered_classes(embedding_map, chosen)
    is_class = embedding_map.noun == "class"
    spaces = [embedding_map.embeddings[chosen]]
    if central:
        spaces.append(central_embeddings(embedding_map)[chosen])
    planes = project_together(spaces, seed=seed)
    layouts = [
        _layout(plane, space, classes, num_neighbors)
        for plane, space in zip(planes, spaces, strict=True)
    ]
    # In the central latent space another class is no wrong one.
    layouts[0]["judged"] = is_class
    pictures = [embedding_map.image_bytes[row] for row in chosen]
    sheet, columns = thumbnail_sheet(pictures, _TILE)
    return {
        "classes": classes.tolist(),
        "names": names,
        "hues": class_hues(planes[0], classes),
        "layouts": layouts,
        "sheet": sheet,
        "columns": columns,
        "tile": _TILE,
        "num_images": len(chosen),
        "num_images_given": len(embedding_map.labels),
        "num_classes": len(names),
        "same_class_by_chance": _chance(classes),
        "num_classes_given": len(np.unique(embedding_map.labels)),
        "noun": embedding_map.noun,
        "groups": embedding_map.groups,
        "prefix": "" if is_class else "cluster ",
    }


def central_embeddings(images: EmbeddingMap) -> np.ndarray:
    """Returns embeddings less the mean embedding of their class.

    What is left is how an image differs from others of its class: the space
    in which DVML assumes one distribution for all classes.

    Returns:
        `(N, D)` float32 array.

    Reference:
        [Lin et al., 2018](https://doi.org/10.1007/978-3-030-01267-0_42)
    """
    _, classes, sizes = np.unique(
        images.labels, return_inverse=True, return_counts=True
    )
    sums = np.zeros((len(sizes), images.embeddings.shape[1]))
    np.add.at(sums, classes, images.embeddings)
    centres = sums / sizes[:, None]
    return (images.embeddings - centres[classes]).astype(np.float32)


def sample_by_class(
    labels: ArrayLike, max_points: int, *, seed: int = 0
) -> np.ndarray:
    """Chooses whole classes until `max_points` images are reached.

    Half a class would look tighter than it is. Only where whole classes would
    leave fewer than 20 of them are large ones thinned out.

    Args:
        labels: `(N,)`. Class of each image.
        max_points: Most images to choose.
        seed: Seed of the choice.

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


def class_hues(points: np.ndarray, classes: np.ndarray) -> list[int]:
    """Returns a hue in degrees for each class, unlike its neighbours' hues.

    A hundred classes share the colour circle, so hues cannot name them;
    they can keep apart the ones that touch. Classes are walked in the order
    of their angle around the map's centre, and each step turns the hue by
    the golden angle.

    Args:
        points: `(N, 2)` floats.
        classes: `(N,)` ints, 0..C-1, each present.
    """
    counts = np.bincount(classes)
    x = np.bincount(classes, points[:, 0]) / counts
    y = np.bincount(classes, points[:, 1]) / counts
    order = np.argsort(np.arctan2(y - y.mean(), x - x.mean()), kind="stable")
    hues = np.empty(len(counts), int)
    hues[order] = np.round(np.arange(len(counts)) * 137.508) % 360
    return hues.tolist()


def _layout(
    points: np.ndarray,
    vectors: np.ndarray,
    classes: np.ndarray,
    num_neighbors: int,
) -> dict[str, Any]:
    """Returns one map of the images.

    Returns:
        JSON-ready dict: `points` (flat x, y), `neighbors` and `similarities`
        (per point), `judged` (whether another class is a wrong one),
        `same_class` (share of points whose nearest one is of their class).
    """
    neighbors, similarities = nearest_by_cosine(vectors, num_neighbors)
    same_class = classes[neighbors[:, :1]] == classes[:, None]
    return {
        "points": np.round(points.astype(float), 2).ravel().tolist(),
        "neighbors": neighbors.tolist(),
        "similarities": np.round(similarities, 3).tolist(),
        "judged": False,
        "same_class": float(same_class.mean()) if same_class.size else 0.0,
    }


def _chance(classes: np.ndarray) -> float:
    sizes = np.bincount(classes)
    pairs = len(classes) * (len(classes) - 1)
    return float(np.sum(sizes * (sizes - 1)) / max(1, pairs))
