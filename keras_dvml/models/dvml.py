"""Deep variational metric learning over any metric loss."""

from typing import Any

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.arguments import check_count
from keras_dvml.layers import FeatureDecoder, VariationalEmbedding
from keras_dvml.models.loss_term import LossTerm
from keras_dvml.models.metric_model import MetricModel
from keras_dvml.typing import ModelOptions, TensorLike, Unpack

#: The weight of a term, or one for each of the two phases.
TermWeight = float | tuple[float, float] | list[float]


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

    Four choices differ from the paper, whose own make the embedding worse.
    Terms are means where it sums over D and F (multiply `prior_weight` by D and
    `reconstruction_weight` by F to have the sums). The prior weighs 0.01 and
    not 1 and 0.8: it sets how far synthetic embeddings scatter, and at 1 they
    scatter farther than the distance between classes. The reconstruction's
    target gets no gradient, or the backbone would shrink its features to lower
    the error of the decoder. And features are scaled to a root mean square of 1
    before the heads and as that target (`normalize_features`): the variance is
    an exponential of the feature, and a backbone whose features are ten times
    as large would make it infinite.

    Each weight is a number, or a pair of numbers for phases 1 and 2.

    Args:
        backbone: From images `(batch, height, width, 3)` to features, pooled
            or not; see `pooled_backbone`.
        embedding_dim: >= 1. Width D of the embedding.
        num_samples: >= 1. Draws of the variation per image.
        prior_weight: Weight of the prior term.
        reconstruction_weight: Weight of the reconstruction term.
        synthetic_weight: Weight of the synthetic term.
        invariant_weight: Weight of the invariant term.
        seed: Seed of the draws; `None` as in `layers.GaussianSampling`.
        **kwargs: `normalized`, `preprocessing`, `head_rate`,
            `normalize_features`, `name`: see `MetricModel`.

    Call arguments:
        images: `(batch, height, width, 3)` tensor, uint8 or float, 0..255.
        training: Whether the call is a step of training.

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
        backbone: keras.Model,
        embedding_dim: int = 128,
        num_samples: int = 20,
        prior_weight: TermWeight = 0.01,
        reconstruction_weight: TermWeight = (1.0, 1.0),
        synthetic_weight: TermWeight = (0.1, 0.2),
        invariant_weight: TermWeight = (1.0, 0.8),
        seed: int | None = None,
        **kwargs: Unpack[ModelOptions],
    ) -> None:
        head = VariationalEmbedding(
            embedding_dim, num_samples, seed=seed, name="variational"
        )
        super().__init__(backbone, head, **kwargs)
        self.term_weights = {
            "prior": _by_phase("prior", prior_weight),
            "reconstruction": _by_phase(
                "reconstruction", reconstruction_weight
            ),
            "synthetic": _by_phase("synthetic", synthetic_weight),
            "invariant": _by_phase("invariant", invariant_weight),
        }
        self.decoder = FeatureDecoder(
            self.backbone.output_shape[-1], name="decoder"
        )
        self.decoder.build((None, None, embedding_dim))
        # A weight: switching retraces nothing and is saved with the model.
        self.phase = self.add_weight(
            name="phase",
            shape=(),
            dtype="float32",
            initializer="ones",
            trainable=False,
        )

    def set_phase(self, phase: int) -> None:
        """Enters phase 1 (decoder cut off) or 2 (its gradient released)."""
        if phase not in (1, 2):
            raise ValueError(f"phase must be 1 or 2; received {phase!r}")
        self.phase.assign(float(phase))

    def embed(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.finish(self.head(features, training=training).invariant)

    def generate(self, images: TensorLike, num_samples: int) -> tf.Tensor:
        """Draws synthetic embeddings `z_I + z_V` around images.

        Args:
            images: `(batch, height, width, 3)` tensor, 0..255.
            num_samples: >= 1. Draws per image.

        Returns:
            `(num_samples, batch, embedding_dim)` float32 tensor, unit length
            by default.

        Example:
            >>> import tensorflow as tf
            >>> import keras_dvml as kd
            >>> backbone = kd.models.conv_backbone(16, widths=(4, 8))
            >>> model = kd.models.DVML(backbone, embedding_dim=8)
            >>> images = tf.zeros((2, 16, 16, 3))
            >>> model.generate(images, num_samples=5).shape.as_list()
            [5, 2, 8]
        """
        check_count(1, num_samples=num_samples)
        parts = self.head(self.features(images))
        variation = self.head.sampling.draw(
            parts.variation_mean, parts.variation_log_variance, num_samples
        )
        return self.finish(parts.invariant[None] + variation)

    def feature_terms(
        self, features: tf.Tensor, labels: tf.Tensor, training: bool
    ) -> dict[str, LossTerm]:
        parts = self.head(features, training=training)
        embeddings = self.finish(parts.invariant)

        divergence = ops.gaussian_divergence(
            parts.variation_mean, parts.variation_log_variance
        )
        reconstruction = self.decoder(self._cut(parts.synthetic))
        error = tf.square(reconstruction - tf.stop_gradient(features))
        num_rows = tf.shape(features)[0]
        values = {
            "prior": ops.share_of_mean(tf.reduce_mean(divergence), num_rows),
            "reconstruction": ops.share_of_mean(
                tf.reduce_mean(error), num_rows
            ),
            "synthetic": self._synthetic_loss(labels, parts.synthetic),
            "invariant": self.metric_loss(labels, embeddings),
        }
        return {
            name: LossTerm(self._weight(name), value)
            for name, value in values.items()
        }

    def _cut(self, synthetic):
        """Lets gradient pass from the decoder in phase 2 only."""
        released = self._released()

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
        return first + self._released() * (second - first)

    def _released(self):
        """Returns 0.0 in phase 1 and 1.0 in phase 2."""
        return tf.convert_to_tensor(self.phase) - 1.0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "embedding_dim": self.head.embedding_dim,
            "num_samples": self.head.num_samples,
            "seed": self.head.seed,
            **{
                f"{name}_weight": list(weights)
                for name, weights in self.term_weights.items()
            },
        }


def _by_phase(term, weight):
    """Returns a weight as (phase 1, phase 2)."""
    pair = tuple(weight) if isinstance(weight, (tuple, list)) else (weight,) * 2
    if len(pair) != 2 or min(pair) < 0:
        raise ValueError(
            f"{term}_weight must be at least 0, or a pair of such numbers for "
            f"the two phases; received {weight!r}"
        )
    return pair
