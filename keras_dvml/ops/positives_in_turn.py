"""One positive of each anchor a step, whatever says which they are."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from keras_dvml.ops.class_cycles import ClassCycles, class_cycles
from keras_dvml.ops.pairs import LabelsOrPairs, Pairs


class PositivesInTurn(NamedTuple):
    """The positives of each anchor, numbered from 1 in the order of the rows.

    Has of `ClassCycles` what does not need that all positives of an anchor are
    those of each other.

    Attributes:
        positives: `(anchors, rows)` bool tensor.
        number: `(anchors, rows)` int32 tensor. How many positives there are up
            to each row.

    Example:
        >>> import keras_dvml as kd
        >>> pairs = kd.ops.Pairs([[False, True, True]], [[False] * 3])
        >>> int(kd.ops.positives_in_turn(pairs).num_pairs)
        2
    """

    positives: tf.Tensor
    number: tf.Tensor

    @property
    def num_pairs(self) -> tf.Tensor:
        """Pairs of an anchor and a positive: scalar int32."""
        return tf.reduce_sum(self.number[:, -1])

    @property
    def mean_weight(self) -> tf.Tensor:
        """Weight of a pair in a mean: `1 / num_pairs`, or 0 without pairs."""
        return tf.math.divide_no_nan(1.0, tf.cast(self.num_pairs, tf.float32))

    def for_each_positive(
        self, update: Callable[..., tuple], initial: tuple
    ) -> tuple[tf.Tensor, ...]:
        """Folds as `ClassCycles.for_each_positive` does."""
        total = self.number[:, -1]
        most = tf.reduce_max(total)

        def one_round(turn, *carried):
            is_turn = self.positives & tf.equal(self.number, turn)
            positive = tf.argmax(
                tf.cast(is_turn, tf.int32), axis=1, output_type=tf.int32
            )
            is_pair = tf.cast(turn <= total, tf.float32)
            return (turn + 1, *update(positive, is_pair, *carried))

        _, *carried = tf.while_loop(
            lambda turn, *_: turn <= most, one_round, (1, *initial)
        )
        return tuple(carried)


def positives_in_turn(labels: LabelsOrPairs) -> ClassCycles | PositivesInTurn:
    """Returns what goes through the positives of all anchors, one a step.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `Pairs`.

    Example:
        >>> import keras_dvml as kd
        >>> int(kd.ops.positives_in_turn([4, 9, 4]).num_pairs)
        2
    """
    if not isinstance(labels, Pairs):
        return class_cycles(labels)
    positives = tf.convert_to_tensor(labels.positives)
    number = tf.cumsum(tf.cast(positives, tf.int32), axis=1)
    return PositivesInTurn(positives, number)
