import numpy as np
import tensorflow as tf

from keras_dvml import ops


def test_one_entry_of_each_row():
    filled = ops.add_to_entries(tf.ones((2, 3)), [2, 0], [5.0, -1.0])
    np.testing.assert_array_equal(filled, [[1, 1, 6], [0, 1, 1]])


def test_several_entries_of_each_row_add_up():
    columns = tf.constant([[2, 0], [2, 1]])
    values = tf.constant([[5.0, -1.0], [1.0, 1.0]])
    filled = ops.add_to_entries(tf.zeros((2, 3)), columns, values)
    np.testing.assert_array_equal(filled, [[0, 0, 6], [-1, 1, 0]])
