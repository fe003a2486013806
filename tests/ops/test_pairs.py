import numpy as np
import pytest

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
