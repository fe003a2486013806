"""What labels must be to score embeddings, and embeddings to have labels."""

from typing import Any

import numpy as np
import tensorflow as tf

from keras_dvml.arguments import in_order
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
        is_pairs = isinstance(spec, tuple) and [tf.TensorSpec] * 2 == [
            type(part) for part in spec
        ]
        if is_pairs and labels is None:
            embeddings, labels = _read(embeddings, name, ranks=(1, 0))
        elif isinstance(spec, tf.TensorSpec):
            (embeddings,) = _read(embeddings, name, ranks=(1,))
        else:
            raise ValueError(
                f"{name} must be a data set of (embeddings, labels), or of "
                f"embeddings beside an argument with labels; received {spec}"
                + (" and labels" if is_pairs else "")
            )
    if isinstance(labels, tf.data.Dataset):
        if not isinstance(labels.element_spec, tf.TensorSpec):
            raise ValueError(
                "labels of a data set must be single tensors; received "
                f"{labels.element_spec}"
            )
        (labels,) = _read(labels, "labels", ranks=(0,))
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
    labels = np.asarray(in_order(labels, "labels"))
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


def _read(dataset, name, ranks):
    """Returns the parts of all elements as an array each, read in one pass.

    A second pass over a data set that shuffles would have another order.

    Args:
        dataset: Of tensors, or tuples of as many as there are ranks.
        name: What the argument is called.
        ranks: Of a part that is a single one; other parts are batches.
    """
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            f"{name} must be a data set that ends; received one that repeats"
        )
    columns = [[] for _ in ranks]
    for element in dataset.as_numpy_iterator():
        parts = element if isinstance(element, tuple) else (element,)
        for column, part, rank in zip(columns, parts, ranks, strict=True):
            # A single name comes as bytes, not as an array.
            part = np.asarray(part)
            column.append(part if part.ndim > rank else part[None])
    if not columns[0]:
        raise ValueError(f"{name} must not be empty; received no elements")
    return [np.concatenate(column) for column in columns]
