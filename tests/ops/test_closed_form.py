import numpy as np
import tensorflow as tf

from keras_dvml import ops


def test_gradient_is_the_slope_times_what_comes_from_above():
    @ops.closed_form
    def sum_of_cubes(values):
        return tf.reduce_sum(values**3), 3.0 * values**2

    values = tf.Variable([[1.0, 2.0]])
    with tf.GradientTape() as tape:
        loss = 10.0 * sum_of_cubes(values)
    assert loss == 90.0
    np.testing.assert_array_equal(tape.gradient(loss, values), [[30.0, 120.0]])
