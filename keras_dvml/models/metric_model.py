"""What the models share: a backbone, a head, and steps over loss terms."""

from typing import NamedTuple

import keras
import tensorflow as tf

from keras_dvml import keras_versions, ops
from keras_dvml.losses import ProxyLoss
from keras_dvml.losses.third_party import over_embeddings
from keras_dvml.models.learning_rates import scale_change


class LossTerm(NamedTuple):
    """A term of a training loss.

    Attributes:
        weight: float or scalar tensor. What the value counts in the sum.
        value: Scalar tensor, logged unweighted.
    """

    weight: tf.Tensor
    value: tf.Tensor


class MetricModel(keras.Model):
    """Base of the models that learn an embedding from labels.

    Compile it with a loss over `(labels, embeddings)` and fit it on batches
    that hold several images of each class. Images go in as they were decoded,
    RGB in 0..255: the scaling the backbone wants is part of the model, so that
    training and serving cannot differ.

    A subclass names its loss terms in `term_names` and computes them in
    `feature_terms`; steps, logging and configuration are done here.

    Args:
        backbone: `keras.Model` from images `(batch, height, width, 3)` to
            pooled features `(batch, feature_dim)`.
        head: `keras.layers.Layer` on the pooled features.
        normalized: bool. Whether embeddings have unit length.
        preprocessing: `keras.layers.Layer` applied to the images before the
            backbone. Defaults to scaling 0..255 to -1..1; for a backbone that
            scales by itself pass `keras.layers.Rescaling(1.0)`.
        head_rate: float > 0. The learning rate of all but the backbone, as a
            multiple of the optimizer's; new heads on a pretrained backbone
            often want 10.

    Call arguments:
        images: `(batch, height, width, 3)` tensor, uint8 or float, 0..255.
        training: bool.

    Returns:
        `(batch, embedding_dim)` float32 tensor.

    Raises:
        ValueError: If the backbone's output is not one vector an image.
    """

    #: Names of the loss terms, in the order they are logged.
    term_names = ()

    def __init__(
        self,
        backbone,
        head,
        normalized=True,
        preprocessing=None,
        head_rate=1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if head_rate <= 0:
            raise ValueError(f"head_rate must be above 0; received {head_rate}")
        if len(backbone.output_shape) != 2:
            raise ValueError(
                "backbone must give pooled features of shape (batch, "
                f"feature_dim); received output shape {backbone.output_shape}. "
                'With keras.applications, pass pooling="avg".'
            )
        if preprocessing is None:
            preprocessing = keras.layers.Rescaling(1 / 127.5, offset=-1.0)
        self.backbone = backbone
        self.head = head
        self.head.build(backbone.output_shape)
        self.normalized = normalized
        self.head_rate = head_rate
        self.preprocessing = preprocessing
        # A layer: `tf.cast` takes no symbolic tensor of Keras 3, and features
        # are the output of functional models.
        self.in_float32 = keras.layers.Activation("linear", dtype="float32")
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.term_trackers = [
            keras.metrics.Mean(name=f"{name}_loss") for name in self.term_names
        ]
        # All weights exist now: no first call is needed to build them.
        self.built = True

    @property
    def image_size(self):
        """(height, width) in pixels of the images that the backbone takes."""
        return tuple(self.backbone.input_shape[1:3])

    def call(self, images, training=False):
        return self.embed(self.features(images, training=training))

    def features(self, images, training=False):
        """Returns pooled backbone features, `(batch, feature_dim)` float32."""
        return self.in_float32(
            self.backbone(self.preprocessing(images), training=training)
        )

    def embed(self, features):
        """Returns the embeddings of pooled features, `(batch, dim)`."""
        return self.finish(self.head(features))

    def finish(self, embeddings):
        """Scales embeddings to unit length, where `normalized` asks for it."""
        return ops.l2_normalize(embeddings) if self.normalized else embeddings

    def loss_terms(self, images, labels, training):
        """Computes the terms of the loss.

        Args:
            images: `(batch, height, width, 3)` tensor.
            labels: `(batch,)` tensor of class ids.
            training: bool.

        Returns:
            dict from each of `term_names` to its `LossTerm`.
        """
        features = self.features(images, training=training)
        return self.feature_terms(features, labels, training)

    def feature_terms(self, features, labels, training):
        """Computes the terms that need no more of an image than its feature.

        Args:
            features: `(batch, feature_dim)` tensor.
            labels: `(batch,)` tensor of class ids.
            training: bool.

        Returns:
            dict from names to `LossTerm`s.
        """
        raise NotImplementedError

    def metric_loss(self, labels, embeddings):
        """Returns the compiled loss of a batch as a float32 scalar.

        Under a `tf.distribute` strategy, of the global batch: a loss over
        pairs must not lose those that the split put on two replicas.

        Args:
            labels: `(batch,)` tensor, the part of this replica.
            embeddings: `(batch, dim)` tensor, the part of this replica.
        """
        return self.global_loss(
            ops.gather_replicas(labels), ops.gather_replicas(embeddings)
        )

    def global_loss(self, labels, embeddings):
        """Returns the compiled loss of the batch as it is given."""
        loss = keras.losses.get(self.loss)
        if loss is None:
            raise ValueError(
                "The model was compiled without a loss. Pass one over "
                "(labels, embeddings), such as "
                "compile(loss=keras_dvml.losses.TripletSemiHardLoss())."
            )
        loss = over_embeddings(loss)
        return tf.reduce_mean(tf.cast(loss(labels, embeddings), tf.float32))

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        # As a part of the model they are trained, counted and saved with it.
        has_proxies = isinstance(self.loss, ProxyLoss)
        keras_versions.replace_layer(
            self, "proxies", self.loss.proxies if has_proxies else None
        )

    # Keras leaves loading to those who override `compile`.
    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def train_step(self, data):
        """Takes one gradient step on a batch of (images, labels)."""
        images, labels = _images_and_labels(data)
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

    def test_step(self, data):
        """Measures the loss of a batch of (images, labels)."""
        images, labels = _images_and_labels(data)
        terms = self.loss_terms(images, labels, training=False)
        return self._track(self._total(terms), terms)

    @property
    def metrics(self):
        """The logged means: the loss, then its terms, unweighted."""
        return [self.loss_tracker, *self.term_trackers]

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras 3 would take a batch and average it over the replicas, which
        # fails across processes, to build a model that is built already.
        if self.optimizer is not None and not self.optimizer.built:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    def _head_variables(self):
        backbone = {id(one) for one in self.backbone.trainable_variables}
        return keras_versions.tf_variables(
            [one for one in self.trainable_variables if id(one) not in backbone]
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

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "backbone": serialize(self.backbone),
            "normalized": self.normalized,
            "head_rate": self.head_rate,
            "preprocessing": serialize(self.preprocessing),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {
            name: keras.saving.deserialize_keras_object(
                config[name], custom_objects=custom_objects
            )
            for name in ("backbone", "preprocessing")
        }
        return cls(**{**config, **parts})


def _images_and_labels(data):
    images, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    if labels is None:
        raise ValueError(
            "fit and evaluate need batches of (images, labels); received "
            "images only"
        )
    if sample_weight is not None:
        raise ValueError("losses over pairs take no sample_weight")
    return images, labels
