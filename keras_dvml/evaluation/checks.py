"""What labels must be to score embeddings, and embeddings to have labels."""

from typing import Any

import numpy as np
import tensorflow as tf

from keras_dvml.embeddings import checked_embeddings


def labelled_embeddings(
    embeddings: Any,
    labels: Any = None,
    name: str = "embeddings",
    dim: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns embeddings as `(N, dim)` float32 and labels as `(N,)`.

    Args:
        embeddings: `(N, dim)` array, memory map, or finite `tf.data.Dataset`
            of embeddings, or of pairs with their labels, in batches or not.
        labels: `(N,)` array or `tf.data.Dataset`; `None` where the data set
            has them.
        name: What the argument is called.
        dim: Width that embeddings must have, or `None` for any.

    Raises:
        ValueError: If embeddings are no finite matrix, or there is not one
            label a row.
    """
    if isinstance(embeddings, tf.data.Dataset):
        spec = embeddings.element_spec
        if isinstance(spec, tuple):
            if len(spec) != 2 or labels is not None:
                raise ValueError(
                    f"{name} must be a data set of (embeddings, labels), or of "
                    "embeddings beside an argument with labels; received "
                    f"{spec}"
                )
            labels = embeddings.map(lambda _, labels: labels)
            embeddings = embeddings.map(lambda embeddings, _: embeddings)
        embeddings = _read(embeddings, name, rank=1)
    if isinstance(labels, tf.data.Dataset):
        labels = _read(labels, "labels", rank=0)
    if labels is None:
        raise ValueError(
            f"{name} must come with one label a row, or as a tf.data.Dataset "
            "of (embeddings, labels); received no labels"
        )
    embeddings = checked_embeddings(embeddings, name, dim)
    return embeddings, checked_labels(labels, len(embeddings), name)


def checked_labels(
    labels: Any, num_rows: int, name: str = "embeddings"
) -> np.ndarray:
    """Returns labels as a `(N,)` array.

    Args:
        labels: `(N,)` or `(N, 1)` array.
        num_rows: N.
        name: What has the labels.

    Raises:
        ValueError: If there is not one label a row, or one is NaN.
    """
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (num_rows,):
        raise ValueError(
            f"labels must be one for each of {num_rows} {name}; received shape "
            f"{labels.shape}"
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(
            f"labels of {name} must be class ids; received NaN or infinity "
            f"in row {np.argmin(np.isfinite(labels))}"
        )
    return labels


def class_numbers(*groups: np.ndarray) -> list[np.ndarray]:
    """Returns label arrays as numbers 0..C-1, the same for the same class.

    Raises:
        ValueError: If some are text and others numbers.
    """
    if len({labels.dtype.kind in "fiub" for labels in groups}) > 1:
        raise ValueError(
            "labels of queries and gallery must be of one kind; received "
            f"{' and '.join(str(labels.dtype) for labels in groups)}"
        )
    _, numbers = np.unique(np.concatenate(groups), return_inverse=True)
    ends = np.cumsum([len(labels) for labels in groups])[:-1]
    return np.split(numbers.reshape(-1), ends)


def _read(dataset, name, rank):
    """Returns all elements of rank `rank`, or batches of such, as an array."""
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            f"{name} must be a data set that ends; received one that repeats"
        )
    parts = [
        part if part.ndim > rank else part[None]
        for part in dataset.as_numpy_iterator()
    ]
    if not parts:
        raise ValueError(f"{name} must not be empty; received no elements")
    return np.concatenate(parts)
