import numpy as np
import tensorflow as tf

from keras_dvml import ops

VALUES = tf.constant([[1.0, 5.0, 3.0], [2.0, 4.0, 6.0]])
MASK = tf.constant([[True, False, True], [False, False, False]])


def test_maximum_and_minimum_of_marked_entries():
    assert ops.masked_max(VALUES, MASK)[0] == 3.0
    assert ops.masked_min(VALUES, MASK)[0] == 1.0


def test_log_sum_exp_of_marked_entries():
    expected = np.log(np.exp(1.0) + np.exp(3.0))
    np.testing.assert_allclose(
        ops.masked_log_sum_exp(VALUES, MASK)[0], expected, rtol=1e-6
    )


def test_mean_of_no_marked_entry_is_zero():
    assert ops.masked_mean(VALUES, MASK) == 2.0
    assert ops.masked_mean(VALUES, tf.zeros_like(MASK)) == 0.0


def test_gradients_stay_finite_in_a_row_without_marked_entries():
    values = tf.Variable(VALUES)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(
            tf.nn.softplus(ops.masked_log_sum_exp(values, MASK))
        )
    assert np.all(np.isfinite(tape.gradient(total, values)))
