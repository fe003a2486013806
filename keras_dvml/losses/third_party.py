"""Losses of other packages whose call differs from (labels, embeddings)."""

from collections.abc import Callable

from keras_dvml import ops


def over_embeddings(loss: Callable) -> Callable:
    """Returns a loss as a function of `(labels, embeddings)`.

    tensorflow-addons' `NpairsLoss` alone needs the similarity matrix of the
    embeddings instead of the embeddings; everything else is passed through.

    Args:
        loss: `keras.losses.Loss` or function.

    Returns:
        Function of `(labels, embeddings)`.
    """
    # By name: the package need not be installed.
    kind = type(loss)
    is_addons = kind.__module__.startswith("tensorflow_addons.")
    if is_addons and kind.__name__ == "NpairsLoss":
        return lambda labels, embeddings: loss(
            ops.flatten_labels(labels), ops.pairwise_similarity(embeddings)
        )
    return loss
