"""PNP loss."""

import tensorflow as tf

from keras_dvml import ops
from keras_dvml.arguments import check_one_of
from keras_dvml.losses.metric_loss import keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.losses.soft_ranks import mean_over_soft_ranks
from keras_dvml.typing import TensorLike

VARIANTS = ("O", "Ds", "Dq", "Iu", "Ib")


def pnp_loss(
    labels: ops.LabelsOrPairs,
    embeddings: TensorLike,
    *,
    temperature: float = 0.01,
    variant: str = "Dq",
    alpha: float = 1.0,
    b: float = 2.0,
) -> tf.Tensor:
    """Penalises the negatives that are before a positive, by their number.

    `mean_a mean_p f(n)` over the anchors with a positive, `n` the soft
    number of negatives that are more similar to `a` than `p` is, `a` itself
    included among the positives; see `mean_over_soft_ranks`. `f(n)` is, by
    variant,

    - `O`: `n`
    - `Ds`: `log(1 + n)`
    - `Dq`: `1 - 1 / (1 + n)^alpha`
    - `Iu`: `(1 + n) log(1 + n)`
    - `Ib`: `(b n - log(1 + b n)) / b^2`

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`.
        embeddings: `(batch, dim)` float tensor, unit length expected.
        temperature: > 0. tau of the paper.
        variant: `"O"`, `"Ds"`, `"Dq"`, `"Iu"` or `"Ib"`.
        alpha: > 0. Of `"Dq"`.
        b: > 0. Of `"Ib"`.

    Returns:
        Scalar float32 tensor.

    Raises:
        ValueError: If `variant` is none of these.

    Example:
        >>> import keras_dvml as kd
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]
        >>> float(kd.losses.pnp_loss([0, 0, 1], embeddings))
        0.254...
    """
    penalties = {
        "O": lambda n: n,
        "Ds": tf.math.log1p,
        "Dq": lambda n: 1.0 - (1.0 + n) ** -alpha,
        "Iu": lambda n: (1.0 + n) * tf.math.log1p(n),
        "Ib": lambda n: (b * n - tf.math.log1p(b * n)) / b**2,
    }
    check_one_of(VARIANTS, variant=variant)
    return mean_over_soft_ranks(
        lambda _, before_negatives, __: penalties[variant](before_negatives),
        labels,
        embeddings,
        temperature=temperature,
        finds_itself=True,
    )


@keras_loss
class PNPLoss(PairLoss):
    """PNP loss over all pairs of a batch.

    See `pnp_loss` for the formula.

    Args:
        temperature: > 0. tau of the paper.
        variant: `"O"`, `"Ds"`, `"Dq"`, `"Iu"` or `"Ib"`.
        alpha: > 0. Of `"Dq"`.
        b: > 0. Of `"Ib"`.
        name: Name of the loss.
        miner: Which pairs are compared; see `PairLoss`.

    Raises:
        ValueError: If `variant` is none of these.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.PNPLoss(variant="Dq")
        >>> float(loss([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]]))
        0.254...

    Reference:
        [Li et al., 2021](https://arxiv.org/abs/2102.04640)
    """

    temperature: float = 0.01
    variant: str = "Dq"
    alpha: float = 1.0
    b: float = 2.0
    name: str = "pnp_loss"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of(VARIANTS, variant=self.variant)

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        return pnp_loss(labels, embeddings, **self.parameters)
