"""Embedded images with what is needed to show them."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_dvml.arguments import check_one_of, in_order
from keras_dvml.embeddings import checked_embeddings

_PLURALS = {"class": "classes", "cluster": "clusters"}


@dataclasses.dataclass(frozen=True, eq=False)
class EmbeddingMap:
    """Embedded images to be drawn as a map.

    Args:
        embeddings: `(N, D)` floats, finite. Need not be normalised.
        labels: `(N,)` sortable values. Classes.
        label_names: `N` strings. What the class of each image is called.
        image_bytes: `N` encoded images (JPEG, PNG, GIF or BMP).
        noun: What the labels are of: `"class"`, of classes that were not
            trained on, or `"cluster"`, which nobody calls right or wrong.

    Raises:
        ValueError: When lengths differ, there is no image, an embedding is
            not finite, or the noun is another.

    Example:
        >>> import numpy as np
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> png = tf.io.encode_png(tf.zeros((8, 8, 3), tf.uint8)).numpy()
        >>> images = kd.reports.EmbeddingMap(
        ...     np.eye(2), [3, 4], ["wren", "robin"], [png, png]
        ... )
        >>> images.groups
        'classes'
    """

    embeddings: np.ndarray
    labels: np.ndarray
    label_names: Sequence[str]
    image_bytes: Sequence[bytes]
    noun: str = "class"

    def __post_init__(self) -> None:
        check_one_of(list(_PLURALS), noun=self.noun)
        embeddings = checked_embeddings(self.embeddings)
        for name in ("labels", "label_names", "image_bytes"):
            object.__setattr__(self, name, in_order(getattr(self, name), name))
        labels = np.asarray(self.labels)
        if labels.ndim != 1:
            raise ValueError(
                f"labels must have shape (N,); received shape {labels.shape}"
            )
        for name in ("labels", "label_names", "image_bytes"):
            number = len(getattr(self, name))
            if number != len(embeddings):
                raise ValueError(
                    f"{name} must have one entry per row of embeddings, "
                    f"{len(embeddings)}; received {number}"
                )
        object.__setattr__(self, "embeddings", embeddings)
        object.__setattr__(self, "labels", labels)

    @property
    def groups(self) -> str:
        """The plural of the noun."""
        return _PLURALS[self.noun]


def numbered_classes(
    images: EmbeddingMap, rows: np.ndarray | None = None
) -> tuple[np.ndarray, list[str]]:
    """Numbers the classes of images, in the order of the labels.

    Args:
        images: Embedded images.
        rows: `(M,)` ints, which of them; `None` for all.

    Returns:
        `(M,)` int array, the number of the class of each image, and what each
        class is called.
    """
    if rows is None:
        rows = np.arange(len(images.labels))
    _, first, classes = np.unique(
        images.labels[rows], return_index=True, return_inverse=True
    )
    return classes, [str(images.label_names[row]) for row in rows[first]]
