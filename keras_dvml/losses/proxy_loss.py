"""What the losses over proxies have in common."""

import keras

from keras_dvml.losses.metric_loss import MetricLoss


class Proxies(keras.layers.Layer):
    """One trained vector for each class, which stands for its images.

    Args:
        num_classes: int >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: int >= 1. Width of the embedding.
        seed: int. Seed of the initial values.
        **kwargs: `name`.

    Attributes:
        vectors: `(num_classes, embedding_dim)` float32 variable.
    """

    def __init__(self, num_classes, embedding_dim, seed=0, **kwargs):
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

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "embedding_dim": self.embedding_dim,
            "seed": self.seed,
        }


class ProxyLoss(MetricLoss):
    """Base of the losses that compare embeddings with a proxy per class.

    The proxies are the layer `proxies`. The models of `keras_dvml.models` take
    it as their own when they are compiled with the loss: it is then trained,
    counted and saved with them. A model of another class does so with
    `model.proxies = loss.proxies` before `compile`.

    Args:
        num_classes: int >= 2. Classes, with ids from 0 to `num_classes - 1`.
        embedding_dim: int >= 1. Width of the embedding.
        seed: int. Seed of the initial proxies.
        name: str. Name of the loss.

    Raises:
        ValueError: If `num_classes` is below 2, or the embeddings that arrive
            are not `embedding_dim` wide.
    """

    def __init__(self, num_classes, embedding_dim, seed=0, name=None):
        super().__init__(name=name)
        if num_classes < 2:
            raise ValueError(
                f"num_classes must be at least 2; received {num_classes!r}"
            )
        self.proxies = Proxies(
            num_classes, embedding_dim, seed, name=f"{name}_proxies"
        )

    def __call__(self, labels, embeddings, sample_weight=None):
        width = embeddings.shape[-1] if hasattr(embeddings, "shape") else None
        if width not in (None, self.proxies.embedding_dim):
            raise ValueError(
                f"embeddings must be {self.proxies.embedding_dim} wide, the "
                f"loss's embedding_dim; received shape {embeddings.shape}"
            )
        return super().__call__(labels, embeddings, sample_weight)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.proxies.num_classes,
            "embedding_dim": self.proxies.embedding_dim,
            "seed": self.proxies.seed,
        }
