import numpy as np
import pytest
import tensorflow as tf

from keras_dvml import ops


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_pairs_of_labels_as_vector_or_column(shape):
    labels = np.array([4, 9, 4]).reshape(shape)
    np.testing.assert_array_equal(
        ops.positive_pairs(labels),
        [[False, False, True], [False, False, False], [True, False, False]],
    )
    np.testing.assert_array_equal(
        ops.negative_pairs(labels),
        [[False, True, False], [True, False, True], [False, True, False]],
    )


def test_own_class_of_each_row():
    np.testing.assert_array_equal(
        ops.own_class(np.array([[2], [0]]), 3),
        [[False, False, True], [True, False, False]],
    )


@pytest.mark.parametrize("label", [-1, 3])
def test_label_that_is_no_class_is_refused(label):
    with pytest.raises(tf.errors.InvalidArgumentError, match="be 0 to 2"):
        ops.own_class(np.array([0, label]), 3)


def test_logarithms_of_the_pairs():
    labels = np.array([4, 9, 4])
    far = -ops.FAR
    np.testing.assert_array_equal(
        ops.log_positive_pairs(labels),
        [[far, far, 0], [far, far, far], [0, far, far]],
    )
    np.testing.assert_array_equal(
        ops.log_negative_pairs(labels),
        [[far, 0, far], [0, far, 0], [far, 0, far]],
    )
