"""What embeddings and labels must be to be scored."""

import numpy as np
import tensorflow as tf

_ROWS_AT_ONCE = 4096


def labelled_embeddings(embeddings, labels=None, name="embeddings"):
    """Returns embeddings as `(N, dim)` float32 and labels as `(N,)`.

    Args:
        embeddings: `(N, dim)` array, memory map, or finite `tf.data.Dataset`
            of embeddings, or of pairs with their labels, in batches or not.
        labels: `(N,)` array or `tf.data.Dataset`; `None` where the data set
            has them.
        name: str. What the argument is called.

    Raises:
        ValueError: If embeddings are no finite matrix, or there is not one
            label a row.
    """
    if isinstance(embeddings, tf.data.Dataset):
        embeddings, labels = _read_pairs(embeddings, labels, name)
    if isinstance(labels, tf.data.Dataset):
        labels = _read(labels, "labels", rank=0)
    if labels is None:
        raise ValueError(
            f"{name} came without labels; expected one label a row, or a "
            "tf.data.Dataset of (embeddings, labels)"
        )
    embeddings = checked_embeddings(embeddings, name)
    return embeddings, checked_labels(labels, len(embeddings), name)


def checked_embeddings(embeddings, name="embeddings"):
    """Returns embeddings as `(N, dim)` float32, the same memory if they are.

    Raises:
        ValueError: If they are not a matrix, empty, not finite, or so large
            that a product of two overflows.
    """
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise ValueError(
            f"{name} must be (N, dim) with N, dim >= 1; received shape "
            f"{embeddings.shape}"
        )
    if embeddings.dtype.kind not in "fiub" and "float" not in str(
        embeddings.dtype
    ):
        raise ValueError(
            f"{name} must be real numbers; received {embeddings.dtype}"
        )
    with np.errstate(over="ignore"):
        embeddings = embeddings.astype(np.float32, copy=False)
    largest = np.concatenate(
        [
            np.abs(embeddings[start : start + _ROWS_AT_ONCE]).max(axis=1)
            for start in range(0, len(embeddings), _ROWS_AT_ONCE)
        ]
    )
    finite = np.isfinite(largest)
    if not finite.all():
        raise ValueError(
            f"{name} must be finite; {np.count_nonzero(~finite)} of "
            f"{len(finite)} rows hold NaN or infinity, the first being row "
            f"{np.argmin(finite)}"
        )
    limit = np.sqrt(np.finfo(np.float32).max / embeddings.shape[1])
    if largest.max() > limit:
        raise ValueError(
            f"{name} must be at most {limit:.1e} in size, or their products "
            f"overflow; received {largest.max():.1e} in row "
            f"{np.argmax(largest)}"
        )
    return embeddings


def checked_labels(labels, num_rows, name="embeddings"):
    """Returns labels as a `(N,)` array.

    Raises:
        ValueError: If there is not one label a row, or one is NaN.
    """
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (num_rows,):
        received = (
            f"{len(labels)} labels"
            if labels.ndim == 1
            else (f"labels of shape {labels.shape}")
        )
        raise ValueError(
            f"{num_rows} {name} but {received}; expected one label a row"
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(
            f"labels of {name} must be class ids; received NaN or infinity "
            f"in row {np.argmin(np.isfinite(labels))}"
        )
    return labels


def class_numbers(*groups):
    """Returns label arrays as numbers 0..C-1, the same for the same class.

    Raises:
        ValueError: If some are text and others numbers.
    """
    kinds = {one.dtype.kind in "fiub" for one in groups}
    if len(kinds) > 1:
        raise ValueError(
            "labels of queries and gallery must be of one kind; received "
            f"{' and '.join(str(one.dtype) for one in groups)}"
        )
    _, numbers = np.unique(np.concatenate(groups), return_inverse=True)
    ends = np.cumsum([len(one) for one in groups])[:-1]
    return np.split(numbers.reshape(-1), ends)


def _read_pairs(dataset, labels, name):
    spec = dataset.element_spec
    if not isinstance(spec, tuple):
        return _read(dataset, name, rank=1), labels
    if len(spec) != 2 or labels is not None:
        raise ValueError(
            f"{name} must be a data set of (embeddings, labels), or of "
            f"embeddings beside an argument with labels; received {spec}"
        )
    return (
        _read(dataset.map(lambda embeddings, _: embeddings), name, rank=1),
        _read(dataset.map(lambda _, labels: labels), "labels", rank=0),
    )


def _read(dataset, name, rank):
    """Returns all elements of rank `rank`, or batches of such, as an array."""
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(f"{name} must be a data set that ends; it repeats")
    parts = [
        part if part.ndim > rank else part[None]
        for part in dataset.as_numpy_iterator()
    ]
    if not parts:
        raise ValueError(f"{name} must not be empty; the data set has none")
    return np.concatenate(parts)
