"""Walks through the members of each class, one positive of each row a step."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from keras_dvml.ops.pairs import flatten_labels
from keras_dvml.typing import TensorLike


class ClassCycles(NamedTuple):
    """The rows of a batch, each class arranged in a circle.

    Attributes:
        order: `(batch,)` int32 tensor. The rows, sorted by class.
        first: `(batch,)` int32 tensor. Where the class of a row begins in
            `order`.
        rank: `(batch,)` int32 tensor. The row's place within its class.
        size: `(batch,)` int32 tensor. Members of the row's class.

    Example:
        >>> import keras_dvml as kd
        >>> cycles = kd.ops.class_cycles([7, 1, 7, 7])
        >>> cycles.member(1).numpy().tolist()
        [2, 1, 3, 0]
        >>> int(cycles.num_pairs)
        6
    """

    order: tf.Tensor
    first: tf.Tensor
    rank: tf.Tensor
    size: tf.Tensor

    @property
    def num_pairs(self) -> tf.Tensor:
        """Ordered pairs of two different members of a class: scalar int32."""
        return tf.reduce_sum(self.size - 1)

    @property
    def mean_weight(self) -> tf.Tensor:
        """Weight of a pair in a mean: `1 / num_pairs`, or 0 without pairs."""
        return tf.math.divide_no_nan(1.0, tf.cast(self.num_pairs, tf.float32))

    def member(self, steps: TensorLike) -> tf.Tensor:
        """Returns the row that is `steps` places further in each row's class.

        For `steps` from 1 to `size - 1` this runs through all positives of a
        row; `size` steps lead back to the row itself. Negative steps go back.

        Args:
            steps: Scalar, int32.

        Returns:
            `(batch,)` int32 tensor.
        """
        place = tf.math.floormod(self.rank + steps, self.size)
        return tf.gather(self.order, self.first + place)

    def for_each_positive(
        self, update: Callable[..., tuple], initial: tuple
    ) -> tuple[tf.Tensor, ...]:
        """Folds over the positives of all rows, one of each row at a time.

        A round costs what `update` costs: where each pair needs work on a
        whole row, memory stays at one row for each row.

        Args:
            update: Function from `positive`, the `(batch,)` int32 positives of
                this round; `is_pair`, `(batch,)` float32, 1 or, for a row
                that has no positive left, 0; and the carried tensors, to the
                carried tensors.
            initial: The tensors to begin with.

        Returns:
            The carried tensors after the last round.

        Example:
            >>> import tensorflow as tf
            >>> import keras_dvml as kd
            >>> cycles = kd.ops.class_cycles([7, 1, 7, 7])
            >>> def count(positive, is_pair, total):
            ...     return (total + is_pair,)
            >>> none = tf.zeros(4)
            >>> (positives,) = cycles.for_each_positive(count, (none,))
            >>> positives.numpy().tolist()
            [2.0, 0.0, 2.0, 2.0]
        """
        longest = tf.reduce_max(self.size)

        def one_round(steps, *carried):
            is_pair = tf.cast(steps < self.size, tf.float32)
            return (steps + 1, *update(self.member(steps), is_pair, *carried))

        _, *carried = tf.while_loop(
            lambda steps, *_: steps < longest, one_round, (1, *initial)
        )
        return tuple(carried)

    def for_each_pair(
        self, update: Callable[..., tuple], initial: tuple
    ) -> tuple[tf.Tensor, ...]:
        """Folds over the positive pairs, each met in one of its two orders.

        For terms of a pair (a, p) that also give those of (p, a): half of
        each circle meets all pairs.

        Args:
            update: Function from `partner`, the `(batch,)` int32 row that each
                row is paired with in this round; `reverse_partner`, `(batch,)`
                int32, the row that is paired with each row; `pair_weight`,
                `(batch,)` float32, 1, or 1/2 for opposite members of a circle,
                which meet twice, or, for a row without a pair, 0; and the
                carried tensors, to the carried tensors.
            initial: The tensors to begin with.

        Returns:
            The carried tensors after the last round.

        Example:
            >>> import tensorflow as tf
            >>> import keras_dvml as kd
            >>> cycles = kd.ops.class_cycles([7, 1, 7, 7])
            >>> def count(partner, reverse_partner, pair_weight, total):
            ...     return (total + tf.reduce_sum(pair_weight),)
            >>> (pairs,) = cycles.for_each_pair(count, (0.0,))
            >>> float(pairs)
            3.0
        """
        longest = tf.reduce_max(self.size)

        def one_round(steps, *carried):
            weight = tf.cast(tf.sign(self.size - 2 * steps) + 1, tf.float32) / 2
            partners = self.member(steps), self.member(-steps)
            return (steps + 1, *update(*partners, weight, *carried))

        _, *carried = tf.while_loop(
            lambda steps, *_: 2 * steps <= longest, one_round, (1, *initial)
        )
        return tuple(carried)


def class_cycles(labels: TensorLike) -> ClassCycles:
    """Arranges each class of a batch in a circle.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.

    Example:
        >>> import keras_dvml as kd
        >>> kd.ops.class_cycles([7, 1, 7]).size.numpy().tolist()
        [2, 1, 2]
    """
    labels = flatten_labels(labels)
    order = tf.argsort(labels, stable=True)
    position = tf.argsort(order)
    ordered = tf.gather(labels, order)
    first = tf.searchsorted(ordered, labels, side="left")
    last = tf.searchsorted(ordered, labels, side="right")
    return ClassCycles(order, first, position - first, last - first)
