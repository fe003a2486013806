"""Embedded images with what is needed to show them."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_dvml.embeddings import checked_embeddings

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
        embeddings = checked_embeddings(self.embeddings)
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

    @property
    def groups(self) -> str:
        """The plural of the noun."""
        return _PLURALS[self.noun]
