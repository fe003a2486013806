"""What the losses over proxies have in common."""

from typing import Any

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.arguments import check_count
from keras_dvml.configured_layer import ConfiguredLayer
from keras_dvml.losses.metric_loss import MetricLoss
from keras_dvml.typing import TensorLike


def unit_vectors(
    labels: TensorLike, embeddings: TensorLike, proxies: TensorLike
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns what the losses over proxies compare, in float32.

    Args:
        labels: `(batch,)` or `(batch, 1)` integer tensor, 0 to
            `num_classes - 1`.
        embeddings: `(batch, dim)` float tensor.
        proxies: `(num_classes, dim)` float tensor.

    Returns:
        Embeddings and proxies of unit length, and the `(batch, num_classes)`
        bool tensor that marks the class of each embedding.

    Raises:
        ValueError: If embeddings and proxies differ in width.
        InvalidArgumentError: If a label is no class id; not when compiled by
            XLA, which cannot raise.
    """
    proxies = ops.l2_normalize(tf.convert_to_tensor(proxies))
    embeddings = tf.cast(embeddings, tf.float32)
    if embeddings.shape[-1] not in (None, proxies.shape[-1]):
        raise ValueError(
            f"embeddings must be {proxies.shape[-1]} wide, as the proxies are; "
            f"received shape {embeddings.shape}"
        )
    return (
        ops.l2_normalize(embeddings),
        proxies,
        ops.own_class(labels, int(proxies.shape[0] or 0)),
    )


class Proxies(ConfiguredLayer):
    """One trained vector for each class, which represents its images.

    Args:
        num_classes: >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: >= 1. Width of the embedding.
        seed: Seed of the initial values.
        **kwargs: `name`.

    Attributes:
        vectors: `(num_classes, embedding_dim)` float32 variable.

    Example:
        >>> import keras_dvml as kd
        >>> proxies = kd.losses.Proxies(num_classes=3, embedding_dim=8)
        >>> tuple(proxies.vectors.shape)
        (3, 8)
    """

    def __init__(
        self,
        num_classes: int,
        embedding_dim: int,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.num_classes = num_classes
        self.embedding_dim = embedding_dim
        self.seed = seed
        # Directions alone count: losses scale proxies to unit length.
        self.vectors = self.add_weight(
            name="vectors",
            shape=(num_classes, embedding_dim),
            initializer=keras.initializers.RandomNormal(
                stddev=embedding_dim**-0.5, seed=seed
            ),
        )
        self.built = True


class ProxyLoss(MetricLoss):
    """Base of the losses that compare embeddings with a proxy per class.

    The proxies are the layer `proxies`. The models of `keras_dvml.models` adopt
    it as their own when they are compiled with the loss: it is then trained,
    counted and saved with them. A model of another class does so with
    `model.proxies = loss.proxies` before `compile`. Proxies usually need a
    larger learning rate than the backbone.

    Args:
        num_classes: >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: >= 1. Width of the embedding.
        seed: Seed of the initial proxies.
        name: Name of the loss.

    Raises:
        ValueError: If `num_classes` is below 2.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.ProxyNCALoss(num_classes=100, embedding_dim=64)
        >>> isinstance(loss, kd.losses.ProxyLoss)
        True
        >>> tuple(loss.proxies.vectors.shape)
        (100, 64)
    """

    def __init__(
        self,
        num_classes: int,
        embedding_dim: int,
        seed: int = 0,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        check_count(2, num_classes=num_classes)
        self.num_classes = num_classes
        self.embedding_dim = embedding_dim
        self.seed = seed
        self.proxies = Proxies(
            num_classes, embedding_dim, seed, name=f"{name}_proxies"
        )

    def __post_init__(self) -> None:
        ProxyLoss.__init__(
            self, self.num_classes, self.embedding_dim, self.seed, self.name
        )
