"""Which pairs of a batch share a label, and which do not."""

from typing import NamedTuple

import tensorflow as tf

from keras_dvml.ops.masked import FAR
from keras_dvml.typing import TensorLike


class Pairs(NamedTuple):
    """Which rows are compared, where labels alone do not say it.

    Losses over pairs take this in place of labels. The first rows of their
    embeddings, as many as this has, are the anchors; its columns are all rows.
    Rows that are no anchors count as constants.

    Attributes:
        positives: `(anchors, rows)` bool tensor, `False` on the diagonal.
        negatives: `(anchors, rows)` bool tensor, `False` on the diagonal and
            wherever `positives` is not.

    Example:
        >>> import keras_dvml as kd
        >>> pairs = kd.ops.Pairs([[False, True, False]], [[False, False, True]])
        >>> embeddings = [[0.0, 0.0], [0.0, 0.6], [3.0, 0.0]]
        >>> float(kd.losses.contrastive_loss(pairs, embeddings))
        0.36...
    """

    positives: tf.Tensor
    negatives: tf.Tensor


#: What losses over pairs take first.
LabelsOrPairs = TensorLike | Pairs


def num_anchors(labels: LabelsOrPairs) -> int | tf.Tensor | None:
    """Returns how many rows are anchors; `None` where all are, for labels.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.num_anchors(kd.ops.Pairs([[False, True]], [[False] * 2]))
        1
    """
    if not isinstance(labels, Pairs):
        return None
    positives = tf.convert_to_tensor(labels.positives)
    static = positives.shape[0]
    return tf.shape(positives)[0] if static is None else static


def flatten_labels(labels: TensorLike) -> tf.Tensor:
    """Returns labels as a vector of numbers, equal where the labels are.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids: integers of
            any width, booleans, whole floats, or names.

    Returns:
        `(batch,)` tensor: int64, of names their hashes; floats stay floats.

    Raises:
        ValueError: If the shape is another, as that of one-hot labels.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.flatten_labels([[4], [9]]).numpy()
        array([4, 9])
    """
    labels = tf.convert_to_tensor(labels)
    if labels.shape.rank == 0 or labels.shape[1:].num_elements() not in (
        None,
        1,
    ):
        raise ValueError(
            "labels must be one class id an image, (batch,) or (batch, 1); "
            f"received shape {labels.shape}. Of one-hot labels pass "
            "tf.argmax(labels, axis=1)"
        )
    labels = tf.reshape(labels, [-1])
    if labels.dtype == tf.string:
        # The same on every replica, whatever names its part of a batch has.
        return tf.strings.to_hash_bucket_fast(labels, tf.int64.max)
    if labels.dtype.is_floating:
        # Less precise ones cannot count all classes.
        return tf.cast(labels, tf.float32) if labels.dtype.size < 4 else labels
    return tf.cast(labels, tf.int64)


def hold_others(
    embeddings: tf.Tensor, num_anchors: int | tf.Tensor | None
) -> tf.Tensor:
    """Makes rows that are no anchors constants in gradients.

    Args:
        embeddings: `(batch, dim)` float tensor.
        num_anchors: How many of the rows, from the first on, are anchors;
            `None` for all.

    Returns:
        Tensor of the same values.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> embeddings = tf.constant([[1.0], [2.0]])
        >>> with tf.GradientTape() as tape:
        ...     tape.watch(embeddings)
        ...     total = tf.reduce_sum(kd.ops.hold_others(embeddings, 1))
        >>> tape.gradient(total, embeddings).numpy().tolist()
        [[1.0], [0.0]]
    """
    if num_anchors is None:
        return embeddings
    others = tf.stop_gradient(embeddings[num_anchors:])
    return tf.concat([embeddings[:num_anchors], others], axis=0)


def positive_pairs(labels: LabelsOrPairs) -> tf.Tensor:
    """Marks pairs of two different rows with the same label.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `Pairs`.

    Returns:
        `(anchors, batch)` bool tensor, `False` on the diagonal.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.positive_pairs([4, 9, 4]).numpy().astype(int)
        array([[0, 0, 1],
               [0, 0, 0],
               [1, 0, 0]])
    """
    if isinstance(labels, Pairs):
        return tf.convert_to_tensor(labels.positives)
    same = _same_label(labels)
    return tf.linalg.set_diag(same, tf.zeros_like(tf.linalg.diag_part(same)))


def negative_pairs(labels: LabelsOrPairs) -> tf.Tensor:
    """Marks pairs of rows with different labels.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `Pairs`.

    Returns:
        `(anchors, batch)` bool tensor, `False` on the diagonal.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.negative_pairs([4, 9, 4]).numpy().astype(int)
        array([[0, 1, 0],
               [1, 0, 1],
               [0, 1, 0]])
    """
    if isinstance(labels, Pairs):
        return tf.convert_to_tensor(labels.negatives)
    return tf.logical_not(_same_label(labels))


def log_positive_pairs(labels: LabelsOrPairs) -> tf.Tensor:
    """Logarithm of `positive_pairs` as numbers: 0, or `-FAR` for no positive.

    Added to exponents it takes the other pairs out of their sum.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `Pairs`.

    Returns:
        `(anchors, batch)` float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.log_positive_pairs([4, 4]).numpy() / kd.ops.FAR
        array([[-1.,  0.],
               [ 0., -1.]], dtype=float32)
    """
    if isinstance(labels, Pairs):
        return tf.where(labels.positives, 0.0, -FAR)
    # In terms of the negatives: most losses need those as well.
    log_positives = -FAR - log_negative_pairs(labels)
    diagonal = tf.fill(tf.shape(log_positives)[:1], -FAR)
    return tf.linalg.set_diag(log_positives, diagonal)


def log_negative_pairs(labels: LabelsOrPairs) -> tf.Tensor:
    """Logarithm of `negative_pairs` as numbers: 0, or `-FAR` for no negative.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `Pairs`.

    Returns:
        `(anchors, batch)` float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.log_negative_pairs([4, 9]).numpy() / kd.ops.FAR
        array([[-1., -0.],
               [-0., -1.]], dtype=float32)
    """
    if isinstance(labels, Pairs):
        return tf.where(labels.negatives, 0.0, -FAR)
    return -FAR * tf.cast(_same_label(labels), tf.float32)


def log_pairs(labels: LabelsOrPairs) -> tf.Tensor:
    """Logarithm of all pairs as numbers: 0, or `-FAR` for what is none.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `Pairs`.

    Returns:
        `(anchors, batch)` float32 tensor.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.log_pairs([4, 9]).numpy() / kd.ops.FAR
        array([[-1., -0.],
               [-0., -1.]], dtype=float32)
    """
    if isinstance(labels, Pairs):
        return tf.where(
            tf.logical_or(labels.positives, labels.negatives), 0.0, -FAR
        )
    return -FAR * tf.eye(tf.size(labels))


def has_negatives(labels: LabelsOrPairs) -> tf.Tensor:
    """Whether there is any negative pair, as a number.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `Pairs`.

    Returns:
        Scalar float32 tensor, 1 or 0.

    Example:
        >>> import keras_dvml as kd
        >>> float(kd.ops.has_negatives([4, 4])), float(
        ...     kd.ops.has_negatives([4, 9])
        ... )
        (0.0, 1.0)
    """
    if isinstance(labels, Pairs):
        found = tf.reduce_any(labels.negatives)
    else:
        # A batch without a negative of its first row has none at all.
        labels = flatten_labels(labels)
        found = tf.reduce_any(tf.not_equal(labels, labels[:1]))
    return tf.cast(found, tf.float32)


def _same_label(labels):
    labels = flatten_labels(labels)
    return tf.equal(labels[:, None], labels[None, :])
