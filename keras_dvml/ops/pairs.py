"""Which pairs of a batch share a label, and which do not."""

import tensorflow as tf


def flatten_labels(labels):
    """Returns labels of shape `(batch,)` or `(batch, 1)` as `(batch,)`."""
    return tf.reshape(labels, [-1])


def positive_pairs(labels):
    """Marks pairs of two different rows with the same label.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.

    Returns:
        `(batch, batch)` bool tensor, `False` on the diagonal.
    """
    same = _same_label(labels)
    return tf.linalg.set_diag(same, tf.zeros_like(tf.linalg.diag_part(same)))


def negative_pairs(labels):
    """Marks pairs of rows with different labels.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.

    Returns:
        `(batch, batch)` bool tensor, `False` on the diagonal.
    """
    return tf.logical_not(_same_label(labels))


def _same_label(labels):
    labels = flatten_labels(labels)
    return tf.equal(labels[:, None], labels[None, :])
