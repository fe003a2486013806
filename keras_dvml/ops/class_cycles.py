"""Walks through the members of each class, one positive of each row a step."""

from typing import NamedTuple

import tensorflow as tf

from keras_dvml.ops.pairs import flatten_labels


class ClassCycles(NamedTuple):
    """The rows of a batch, each class arranged in a circle.

    Attributes:
        order: `(batch,)` int32 tensor. The rows, sorted by class.
        first: `(batch,)` int32 tensor. Where the class of a row begins in
            `order`.
        rank: `(batch,)` int32 tensor. The row's place within its class.
        size: `(batch,)` int32 tensor. Members of the row's class.
    """

    order: tf.Tensor
    first: tf.Tensor
    rank: tf.Tensor
    size: tf.Tensor

    @property
    def num_pairs(self):
        """Ordered pairs of two different members of a class: scalar int32."""
        return tf.reduce_sum(self.size - 1)

    def member(self, steps):
        """Returns the row that stands `steps` places on in each row's class.

        For `steps` from 1 to `size - 1` this runs through all positives of a
        row; `size` steps lead back to the row itself. Negative steps go back.

        Args:
            steps: Scalar int32 tensor.

        Returns:
            `(batch,)` int32 tensor.
        """
        place = tf.math.floormod(self.rank + steps, self.size)
        return tf.gather(self.order, self.first + place)

    def for_each_positive(self, update, initial):
        """Folds over the positives of all rows, one of each row at a time.

        A round costs what `update` costs: where each pair needs work on a
        whole row, memory stays at one row for each row.

        Args:
            update: Function from `positive`, the `(batch,)` int32 positives of
                this round; `is_pair`, `(batch,)` float32, 1 or, for a row
                that has no positive left, 0; and the carried tensors, to the
                carried tensors.
            initial: tuple of tensors to begin with.

        Returns:
            Tuple of the carried tensors after the last round.
        """
        longest = tf.reduce_max(self.size)

        def one_round(steps, *carried):
            is_pair = tf.cast(steps < self.size, tf.float32)
            return (steps + 1, *update(self.member(steps), is_pair, *carried))

        _, *carried = tf.while_loop(
            lambda steps, *_: steps < longest, one_round, (1, *initial)
        )
        return tuple(carried)

    def for_each_pair(self, update, initial):
        """Folds over the positive pairs, each met in one of its two orders.

        For terms of a pair (a, p) that also give those of (p, a): half of
        each circle meets all pairs.

        Args:
            update: Function from `there`, the `(batch,)` int32 row that each
                row is paired with in this round; `back`, `(batch,)` int32, the
                row that is paired with each row; `times`, `(batch,)` float32,
                1, or 1/2 for opposite members of a circle, which meet twice,
                or, for a row without a pair, 0; and the carried tensors, to
                the carried tensors.
            initial: tuple of tensors to begin with.

        Returns:
            Tuple of the carried tensors after the last round.
        """
        longest = tf.reduce_max(self.size)

        def one_round(steps, *carried):
            times = tf.cast(tf.sign(self.size - 2 * steps) + 1, tf.float32) / 2
            there, back = self.member(steps), self.member(-steps)
            return (steps + 1, *update(there, back, times, *carried))

        _, *carried = tf.while_loop(
            lambda steps, *_: 2 * steps <= longest, one_round, (1, *initial)
        )
        return tuple(carried)


def class_cycles(labels):
    """Arranges each class of a batch in a circle.

    Args:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.

    Returns:
        `ClassCycles`.
    """
    labels = flatten_labels(labels)
    order = tf.argsort(labels, stable=True)
    position = tf.argsort(order)
    ordered = tf.gather(labels, order)
    first = tf.searchsorted(ordered, labels, side="left")
    last = tf.searchsorted(ordered, labels, side="right")
    return ClassCycles(order, first, position - first, last - first)
