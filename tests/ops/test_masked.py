import numpy as np
import pytest
import tensorflow as tf

from keras_dvml import ops

VALUES = tf.constant([[1.0, 5.0, 3.0], [2.0, 4.0, 6.0]])
MASK = tf.constant([[True, False, True], [False, False, False]])


def test_log_sum_exp_of_marked_entries():
    expected = np.log(np.exp(1.0) + np.exp(3.0))
    np.testing.assert_allclose(
        ops.masked_log_sum_exp(VALUES, MASK)[0], expected, rtol=1e-6
    )


# Small and large matrices go different ways.
@pytest.mark.parametrize("num_rows", [2, 300])
def test_log_sum_exp_comes_with_its_slope(num_rows):
    values = tf.where(MASK, VALUES, -ops.FAR)
    values = tf.concat([values, tf.zeros((num_rows - 2, 3))], axis=0)
    log_sum, slope = ops.log_sum_exp_with_slope(values)
    share = 1 / (1 + np.exp(2.0))
    np.testing.assert_allclose(
        log_sum[0], ops.masked_log_sum_exp(VALUES, MASK)[:1], rtol=1e-6
    )
    np.testing.assert_allclose(slope[0], [share, 0, 1 - share], rtol=1e-6)
    # So that a soft-plus or its slope makes it exactly 0.
    assert tf.nn.softplus(log_sum[1]) == tf.sigmoid(log_sum[1]) == 0.0


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
