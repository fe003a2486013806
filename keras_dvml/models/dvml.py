"""Deep variational metric learning over any metric loss."""

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.layers import FeatureDecoder, VariationalEmbedding
from keras_dvml.models.metric_model import LossTerm, MetricModel


@keras.saving.register_keras_serializable(package="keras_dvml")
class DVML(MetricModel):
    """Embeds what a class has in common, and models what varies within it.

    `z_I = invariant(f)` is the embedding. Variation `z_V ~ N(mu(f),
    sigma^2(f))` is drawn `num_samples` times an image in training and makes
    synthetic embeddings `z_I + z_V`. With `L_m` the compiled loss, the terms
    are

    - prior: divergence of the variation from N(0, 1), mean over batch and D;
    - reconstruction: squared error of the pooled feature decoded from the
      synthetic embeddings, mean over draws, batch and feature width;
    - synthetic: `L_m` of the synthetic embeddings, mean over draws;
    - invariant: `L_m` of the embeddings.

    In phase 1 no gradient passes from the decoder to the embedding; in phase
    2 it does. `training.PhaseSchedule` switches.

    Three choices differ from the paper, whose own take from the embedding
    what they should give. Means stand where it sums over D and F (multiply
    `prior_weight` by D and `reconstruction_weight` by F to have the sums). The
    prior weighs 0.01 and not 1 and 0.8: it sets how far synthetic embeddings
    are strewn, and at 1 that is farther than classes lie apart. And the
    reconstruction's target gets no gradient, or the backbone would shrink its
    features to please the decoder.

    Each weight is a float, or a pair of floats for phases 1 and 2.

    Args:
        backbone: `keras.Model` from images `(batch, height, width, 3)` to
            pooled features `(batch, feature_dim)`.
        embedding_dim: int >= 1. Width D of the embedding.
        num_samples: int >= 1. Draws of the variation per image.
        prior_weight: Weight of the prior term.
        reconstruction_weight: Weight of the reconstruction term.
        synthetic_weight: Weight of the synthetic term.
        invariant_weight: Weight of the invariant term.
        seed: int or `None`. Seed of the draws.
        **kwargs: `normalized`, `preprocessing`, `head_rate`, `name`: see
            `MetricModel`.

    Call arguments:
        images: `(batch, height, width, 3)` tensor, uint8 or float, 0..255.
        training: bool.

    Returns:
        `(batch, embedding_dim)` float32 tensor `z_I`, unit length by default.

    Example:
        >>> import keras_dvml as kd
        >>> backbone = kd.models.conv_backbone(32, widths=(8, 16))
        >>> model = kd.models.DVML(backbone, embedding_dim=64)
        >>> loss = kd.losses.TripletSemiHardLoss(margin=0.2)
        >>> model.compile(optimizer="adam", loss=loss)

    Reference:
        [Lin et al., 2018](https://doi.org/10.1007/978-3-030-01267-0_42)
    """

    term_names = ("prior", "reconstruction", "synthetic", "invariant")

    def __init__(
        self,
        backbone,
        embedding_dim=128,
        num_samples=20,
        prior_weight=0.01,
        reconstruction_weight=(1.0, 1.0),
        synthetic_weight=(0.1, 0.2),
        invariant_weight=(1.0, 0.8),
        seed=None,
        **kwargs,
    ):
        head = VariationalEmbedding(
            embedding_dim, num_samples, seed=seed, name="variational"
        )
        super().__init__(backbone, head, **kwargs)
        self.term_weights = {
            "prior": _by_phase("prior_weight", prior_weight),
            "reconstruction": _by_phase(
                "reconstruction_weight", reconstruction_weight
            ),
            "synthetic": _by_phase("synthetic_weight", synthetic_weight),
            "invariant": _by_phase("invariant_weight", invariant_weight),
        }
        self.decoder = FeatureDecoder(backbone.output_shape[-1], name="decoder")
        self.decoder.build((None, None, embedding_dim))
        # A weight: switching retraces nothing and is saved with the model.
        self.phase = self.add_weight(
            name="phase",
            shape=(),
            dtype="float32",
            initializer="ones",
            trainable=False,
        )

    def set_phase(self, phase):
        """Enters phase 1 (decoder cut off) or 2 (its gradient released)."""
        if phase not in (1, 2):
            raise ValueError(f"phase must be 1 or 2; received {phase!r}")
        self.phase.assign(float(phase))

    def embed(self, features):
        return self.finish(self.head(features).invariant)

    def generate(self, images, num_samples):
        """Draws synthetic embeddings `z_I + z_V` around images.

        Args:
            images: `(batch, height, width, 3)` array or tensor, 0..255.
            num_samples: int >= 1. Draws per image.

        Returns:
            `(num_samples, batch, embedding_dim)` float32 tensor, unit length
            by default.
        """
        if num_samples < 1:
            raise ValueError(
                f"num_samples must be at least 1; received {num_samples}"
            )
        parts = self.head(self.features(images))
        variation = self.head.sampling.draw(
            parts.variation_mean, parts.variation_log_variance, num_samples
        )
        return self.finish(parts.invariant[None] + variation)

    def feature_terms(self, features, labels, training):
        parts = self.head(features, training=training)
        embeddings = self.finish(parts.invariant)

        divergence = ops.gaussian_divergence(
            parts.variation_mean, parts.variation_log_variance
        )
        reconstruction = self.decoder(self._cut(parts.synthetic))
        error = tf.square(reconstruction - tf.stop_gradient(features))
        values = {
            "prior": tf.reduce_mean(divergence),
            "reconstruction": tf.reduce_mean(error),
            "synthetic": self._synthetic_loss(labels, parts.synthetic),
            "invariant": self.metric_loss(labels, embeddings),
        }
        return {
            name: LossTerm(self._weight(name), value)
            for name, value in values.items()
        }

    def _cut(self, synthetic):
        """Lets gradient pass from the decoder in phase 2 only."""
        released = tf.convert_to_tensor(self.phase) - 1.0

        @tf.custom_gradient
        def cut(value):
            return tf.identity(value), lambda upstream: released * upstream

        return cut(synthetic)

    def _synthetic_loss(self, labels, synthetic):
        labels = ops.gather_replicas(labels)
        draws = ops.gather_replicas(self.finish(synthetic), axis=1)
        losses = tf.map_fn(lambda draw: self.global_loss(labels, draw), draws)
        return tf.reduce_mean(losses)

    def _weight(self, name):
        first, second = self.term_weights[name]
        released = tf.convert_to_tensor(self.phase) - 1.0
        return first + released * (second - first)

    def get_config(self):
        return {
            **super().get_config(),
            "embedding_dim": self.head.embedding_dim,
            "num_samples": self.head.sampling.num_samples,
            "seed": self.head.sampling.seed,
            **{
                f"{name}_weight": list(weights)
                for name, weights in self.term_weights.items()
            },
        }


def _by_phase(name, weight):
    """Returns a weight as (phase 1, phase 2)."""
    pair = tuple(weight) if isinstance(weight, (tuple, list)) else (weight,) * 2
    if len(pair) != 2 or min(pair) < 0:
        raise ValueError(
            f"{name} must be a float >= 0, or one for each of the two phases; "
            f"received {weight!r}"
        )
    return pair
