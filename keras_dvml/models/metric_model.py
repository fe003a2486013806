"""What the models share: a backbone, a head, and steps over loss terms."""

import math
from typing import Any

import keras
import tensorflow as tf

from keras_dvml import keras_versions, ops
from keras_dvml.losses import ProxyLoss
from keras_dvml.losses.third_party import over_embeddings
from keras_dvml.models.compiled_model import CompiledModel
from keras_dvml.models.labelled_batch import (
    images_and_labels,
    with_an_image,
)
from keras_dvml.models.learning_rates import scale_change
from keras_dvml.models.loss_term import LossTerm
from keras_dvml.models.pooled_backbone import pooled_backbone
from keras_dvml.typing import LayerOptions, Self, TensorLike, Unpack


class MetricModel(CompiledModel):
    """Base of the models that learn an embedding from labels.

    Compile it with a loss over `(labels, embeddings)` and fit it on batches
    that hold several images of each class. Images go in as they were decoded,
    RGB in 0..255: the scaling the backbone needs is part of the model, so that
    training and serving cannot differ.

    A subclass names its loss terms in `term_names` and computes them in
    `feature_terms`; steps, logging and configuration are done here.

    Args:
        backbone: From images `(batch, height, width, 3)` to features, pooled
            or not; see `pooled_backbone`.
        head: Layer on the pooled features.
        normalized: Whether embeddings have unit length.
        preprocessing: Layer applied to the images before the backbone. Defaults
            to scaling 0..255 to -1..1; for a backbone that scales by itself
            pass `keras.layers.Rescaling(1.0)`.
        head_rate: > 0. The learning rate of all but the backbone, as a multiple
            of the optimizer's; new heads on a pretrained backbone often need
            10.
        normalize_features: Whether each pooled feature is scaled to a root mean
            square of 1 before the head, so that results do not depend on the
            scale that a backbone's features have.

    Call arguments:
        images: `(batch, height, width, 3)` tensor, uint8 or float, 0..255.
        training: Whether the call is a step of training.

    Returns:
        `(batch, embedding_dim)` float32 tensor.

    Raises:
        ValueError: If `pooled_backbone` makes no features of the backbone, or
            a number is out of its range.

    Example:
        >>> import keras
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> class SmallFeatures(kd.models.MetricModel):
        ...     term_names = ("metric", "size")
        ...     def feature_terms(self, features, labels, training):
        ...         embeddings = self.embed(features, training)
        ...         loss = self.metric_loss(labels, embeddings)
        ...         size = tf.reduce_mean(tf.square(features))
        ...         return {
        ...             "metric": kd.models.LossTerm(1.0, loss),
        ...             "size": kd.models.LossTerm(0.01, size),
        ...         }
        >>> backbone = kd.models.conv_backbone(16, widths=(4, 8))
        >>> model = SmallFeatures(backbone, keras.layers.Dense(8))
        >>> [metric.name for metric in model.metrics]
        ['loss', 'metric_loss', 'size_loss']
    """

    #: Names of the loss terms, in the order they are logged.
    term_names: tuple[str, ...] = ()

    def __init__(
        self,
        backbone: keras.Model,
        head: keras.layers.Layer,
        normalized: bool = True,
        preprocessing: keras.layers.Layer | None = None,
        head_rate: float = 1.0,
        normalize_features: bool = True,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if head_rate <= 0:
            raise ValueError(f"head_rate must be above 0; received {head_rate}")
        if preprocessing is None:
            preprocessing = keras.layers.Rescaling(1 / 127.5, offset=-1.0)
        self.backbone = pooled_backbone(backbone)
        self.head = head
        self.head.build(self.backbone.output_shape)
        self.normalized = normalized
        self.head_rate = head_rate
        self.preprocessing = preprocessing
        self.normalize_features = normalize_features
        # Layers: `tf` takes no symbolic tensor of Keras 3, and features are the
        # output of functional models.
        self.to_unit_length = keras.layers.UnitNormalization(
            dtype="float32", name="features_of_unit_length"
        )
        feature_dim = self.backbone.output_shape[-1]
        self.scaling = keras.layers.Rescaling(
            math.sqrt(feature_dim) if normalize_features else 1.0,
            dtype="float32",
            name="scaled_features",
        )
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.term_trackers = [
            keras.metrics.Mean(name=f"{name}_loss") for name in self.term_names
        ]
        # All weights exist now: no first call is needed to build them.
        self.built = True

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels of the images that the backbone takes."""
        _, height, width, _ = self.backbone.input_shape
        return height, width

    def call(self, images: TensorLike, training: bool = False) -> tf.Tensor:
        features = self.features(images, training=training)
        return self.embed(features, training=training)

    def features(self, images: TensorLike, training: bool = False) -> tf.Tensor:
        """Returns pooled features as the head takes them.

        Returns:
            `(batch, feature_dim)` float32 tensor, of a root mean square of 1
            where `normalize_features`.
        """
        images, num_rows = with_an_image(images)
        # To each layer: some change images at random unless told otherwise.
        images = self.preprocessing(images, training=training)
        features = self.backbone(images, training=training)
        if num_rows is not None:
            features = features[:num_rows]
        if self.normalize_features:
            features = self.to_unit_length(features)
        return self.scaling(features)

    def embed(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the embeddings of pooled features, `(batch, dim)`."""
        return self.finish(self.head(features, training=training))

    def finish(self, embeddings: tf.Tensor) -> tf.Tensor:
        """Scales embeddings to unit length, where `normalized`."""
        return ops.l2_normalize(embeddings) if self.normalized else embeddings

    def loss_terms(
        self, images: TensorLike, labels: tf.Tensor, training: bool
    ) -> dict[str, LossTerm]:
        """Computes the terms of the loss.

        Args:
            images: `(batch, height, width, 3)` tensor.
            labels: `(batch,)` tensor of class ids.
            training: Whether the terms are those of a training step.

        Returns:
            From each of `term_names` to its term.
        """
        features = self.features(images, training=training)
        return self.feature_terms(features, labels, training)

    def feature_terms(
        self, features: tf.Tensor, labels: tf.Tensor, training: bool
    ) -> dict[str, LossTerm]:
        """Computes the terms that need no more of an image than its feature.

        Args:
            features: `(batch, feature_dim)` tensor.
            labels: `(batch,)` tensor of class ids.
            training: Whether the terms are those of a training step.

        Returns:
            From names to terms.
        """
        raise NotImplementedError

    def metric_loss(
        self, labels: tf.Tensor, embeddings: tf.Tensor
    ) -> tf.Tensor:
        """Returns the compiled loss of a batch as a float32 scalar.

        Under a `tf.distribute` strategy, of the global batch: a loss over
        pairs must not lose those that the split divides.

        Args:
            labels: `(batch,)` tensor, the part of this replica.
            embeddings: `(batch, dim)` tensor, the part of this replica.
        """
        return self.global_loss(
            ops.gather_replicas(labels), ops.gather_replicas(embeddings)
        )

    def global_loss(
        self, labels: tf.Tensor, embeddings: tf.Tensor
    ) -> tf.Tensor:
        """Returns the compiled loss of the batch as it is given."""
        loss: Any = keras.losses.get(self.loss)
        if loss is None:
            raise ValueError(
                "The model was compiled without a loss. Pass one over "
                "(labels, embeddings), such as "
                "compile(loss=keras_dvml.losses.TripletSemiHardLoss())."
            )
        loss = over_embeddings(loss)
        return tf.reduce_mean(tf.cast(loss(labels, embeddings), tf.float32))

    def compile(self, *args: Any, **kwargs: Any) -> None:
        super().compile(*args, **kwargs)
        # As a part of the model they are trained, counted and saved with it.
        has_proxies = isinstance(self.loss, ProxyLoss)
        keras_versions.replace_layer(
            self, "proxies", self.loss.proxies if has_proxies else None
        )

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Takes one gradient step on a batch of (images, labels)."""
        images, labels = images_and_labels(data)
        with tf.GradientTape() as tape:
            terms = self.loss_terms(images, labels, training=True)
            loss = self._total(terms)
            # The optimizer sums over replicas what is a mean over them.
            scaled_loss = keras_versions.scale_loss(
                self.optimizer, loss / ops.num_replicas()
            )
        variables = self.trainable_variables
        gradients = tape.gradient(scaled_loss, variables)
        scale_change(
            lambda: keras_versions.apply_gradients(
                self.optimizer, gradients, variables
            ),
            self._head_variables(),
            self.head_rate,
        )
        return self._track(loss, terms)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Measures the loss of a batch of (images, labels)."""
        images, labels = images_and_labels(data)
        terms = self.loss_terms(images, labels, training=False)
        return self._track(self._total(terms), terms)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The logged means: the loss, then its terms, unweighted."""
        return [self.loss_tracker, *self.term_trackers]

    def _head_variables(self):
        backbone = {id(weight) for weight in self.backbone.trainable_variables}
        return keras_versions.tf_variables(
            weight
            for weight in self.trainable_variables
            if id(weight) not in backbone
        )

    def _total(self, terms):
        weighted = [term.weight * term.value for term in terms.values()]
        # `losses` holds the regularisers of the user's backbone.
        return tf.add_n([*weighted, *self.losses])

    def _track(self, loss, terms):
        self.loss_tracker.update_state(loss)
        for tracker, name in zip(
            self.term_trackers, self.term_names, strict=True
        ):
            tracker.update_state(terms[name].value)
        return keras_versions.step_logs(
            {metric.name: metric.result() for metric in self.metrics}
        )

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "backbone": serialize(self.backbone),
            "normalized": self.normalized,
            "head_rate": self.head_rate,
            "normalize_features": self.normalize_features,
            "preprocessing": serialize(self.preprocessing),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict | None = None
    ) -> Self:
        parts = {
            name: keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
            for name in ("backbone", "preprocessing")
        }
        # Of models that took features as they come, and did not save that.
        absent: dict[str, Any] = {"normalize_features": False}
        return cls(**{**absent, **config, **parts})
