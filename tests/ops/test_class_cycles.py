import numpy as np
import tensorflow as tf

from keras_dvml import ops

LABELS = np.array([7, 1, 7, 3, 1, 7])


def test_steps_from_one_run_through_all_positives():
    cycles = ops.class_cycles(LABELS)
    np.testing.assert_array_equal(cycles.size, [3, 2, 3, 1, 2, 3])
    np.testing.assert_array_equal(cycles.member(1), [2, 4, 5, 3, 1, 0])
    np.testing.assert_array_equal(cycles.member(2), [5, 1, 0, 3, 4, 2])


def test_steps_back_undo_steps():
    cycles = ops.class_cycles(LABELS)
    partner = cycles.member(2)
    np.testing.assert_array_equal(
        tf.gather(cycles.member(-2), partner), np.arange(len(LABELS))
    )


def test_labels_may_be_a_column():
    np.testing.assert_array_equal(
        ops.class_cycles(LABELS[:, None]).member(1),
        ops.class_cycles(LABELS).member(1),
    )


def test_every_positive_pair_is_visited_once():
    cycles = ops.class_cycles(LABELS)

    def mark(positive, is_pair, visits):
        return (ops.add_to_entries(visits, positive, is_pair),)

    (visits,) = cycles.for_each_positive(mark, (tf.zeros((6, 6)),))
    np.testing.assert_array_equal(visits, ops.positive_pairs(LABELS))
    assert cycles.num_pairs == np.sum(visits)
    # 3 x 2 + 2 x 1 ordered pairs.
    assert cycles.mean_weight == 1 / 8


def test_pairs_are_visited_in_one_order_and_reverse_finds_the_other_member():
    cycles = ops.class_cycles(LABELS)

    def mark(partner, reverse_partner, pair_weight, visits):
        visits = ops.add_to_entries(visits, partner, pair_weight)
        reverse_weight = tf.gather(pair_weight, reverse_partner)
        return (ops.add_to_entries(visits, reverse_partner, reverse_weight),)

    (visits,) = cycles.for_each_pair(mark, (tf.zeros((6, 6)),))
    np.testing.assert_array_equal(visits, ops.positive_pairs(LABELS))


def test_batch_without_pairs_leaves_what_is_carried():
    cycles = ops.class_cycles([1, 2, 3])
    (total,) = cycles.for_each_positive(lambda *_: (tf.constant(1.0),), (5.0,))
    assert total == 5.0
    assert cycles.mean_weight == 0.0
