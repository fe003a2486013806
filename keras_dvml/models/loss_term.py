"""A term of a training loss."""

from typing import NamedTuple

import tensorflow as tf


class LossTerm(NamedTuple):
    """A term of a training loss.

    Attributes:
        weight: Scalar. What the value counts in the sum.
        value: Scalar tensor, logged unweighted.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> term = kd.models.LossTerm(weight=0.1, value=tf.constant(2.0))
        >>> round(float(term.weight * term.value), 4)
        0.2
    """

    weight: tf.Tensor | float
    value: tf.Tensor
