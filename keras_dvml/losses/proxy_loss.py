"""What the losses over proxies have in common."""

from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.arguments import check_count
from keras_dvml.configured_layer import ConfiguredLayer
from keras_dvml.losses.metric_loss import MetricLoss
from keras_dvml.typing import TensorLike


def unit_vectors(
    embeddings: TensorLike, proxies: TensorLike
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns embeddings and proxies of unit length, in float32.

    Args:
        embeddings: `(batch, dim)` float tensor of any precision.
        proxies: `(num_proxies, dim)` float tensor.

    Raises:
        ValueError: If embeddings and proxies differ in width.
    """
    proxies = tf.convert_to_tensor(proxies)
    embeddings = tf.cast(embeddings, tf.float32)
    if embeddings.shape[-1] not in (None, proxies.shape[-1]):
        raise ValueError(
            f"embeddings must be {proxies.shape[-1]} wide, as the proxies are; "
            f"received shape {embeddings.shape}"
        )
    return ops.l2_normalize(embeddings), ops.l2_normalize(proxies)


def cosines(embeddings: TensorLike, proxies: TensorLike) -> tf.Tensor:
    """Returns the cosine of each embedding and each proxy.

    Args:
        embeddings: `(batch, dim)` float tensor of any precision.
        proxies: `(num_proxies, dim)` float tensor.

    Returns:
        `(batch, num_proxies)` float32 tensor.

    Raises:
        ValueError: If embeddings and proxies differ in width.
    """
    embeddings, proxies = unit_vectors(embeddings, proxies)
    return tf.matmul(embeddings, proxies, transpose_b=True)


class Proxies(ConfiguredLayer):
    """One trained vector for each class, which represents its images.

    A loss with several for each class counts each as a class here.

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
    """Base of the losses that compare embeddings with proxies of the classes.

    A proxy is a trained vector: what others call a class weight or a centre.

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

    layer_names: ClassVar[tuple[str, ...]] = ("proxies",)

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
            num_classes * self.proxies_per_class,
            embedding_dim,
            seed,
            name=f"{name}_proxies",
        )

    @property
    def proxies_per_class(self) -> int:
        """How many proxies a class has, one after the other."""
        return 1

    def relabel(self, is_new: np.ndarray, centroids: np.ndarray | None) -> None:
        """Puts the proxies of new classes near their centroids.

        Args:
            is_new: `(num_classes,)` bool array of the labels there are, at
                most the `num_classes` of the loss.
            centroids: `(num_classes, dim)` float array, or `None` to leave
                the proxies where they are.

        Raises:
            ValueError: If there are more classes than the loss has.
        """
        if len(is_new) > self.num_classes:
            raise ValueError(
                f"num_classes must be at least {len(is_new)}, the number of "
                f"labels; received {self.num_classes}"
            )
        if centroids is None:
            return
        vectors = np.array(self.proxies.get_weights()[0])
        by_class = vectors.reshape(self.num_classes, -1, self.embedding_dim)
        new = np.flatnonzero(is_new)
        centres = centroids[new, None]
        centres /= np.linalg.norm(centres, axis=2, keepdims=True) + 1e-12
        # What they had keeps several of a class apart.
        several = self.proxies_per_class > 1
        by_class[new] = centres + 0.1 * several * by_class[new]
        self.proxies.set_weights([vectors])

    def __post_init__(self) -> None:
        ProxyLoss.__init__(
            self, self.num_classes, self.embedding_dim, self.seed, self.name
        )
