import numpy as np
import pytest
import tensorflow as tf

from keras_dvml import ops


def test_squared_distance_equals_a_naive_loop():
    rows = np.random.default_rng(0).normal(size=(7, 3))
    expected = [[np.sum((a - b) ** 2) for b in rows] for a in rows]
    np.testing.assert_allclose(
        ops.pairwise_squared_distance(rows), expected, atol=1e-5
    )


def test_squared_distance_of_a_row_to_itself_is_exactly_zero():
    rows = np.random.default_rng(0).normal(size=(50, 64)) * 100
    distance = ops.pairwise_squared_distance(rows)
    assert np.all(np.diag(distance) == 0.0)
    assert np.all(distance.numpy() >= 0.0)


def test_pair_maths_is_float32_for_half_precision():
    half = tf.ones((2, 3), tf.float16)
    assert ops.pairwise_similarity(half).dtype == tf.float32
    assert ops.pairwise_squared_distance(half).dtype == tf.float32


def test_normalizing_gives_length_one_and_leaves_zero_alone():
    rows = ops.l2_normalize(tf.constant([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0.0, 0.0]], atol=1e-6)


@pytest.mark.parametrize(
    "pairwise", [ops.pairwise_similarity, ops.pairwise_squared_distance]
)
@pytest.mark.parametrize("jit_compile", [False, True])
# Small and large matrices go different ways.
@pytest.mark.parametrize("num_rows", [7, 300])
def test_gradient_equals_that_of_explicit_pairs(
    pairwise, jit_compile, num_rows
):
    random = np.random.default_rng(0)
    rows = tf.constant(random.normal(size=(num_rows, 3)), tf.float32)
    upstream = tf.constant(random.normal(size=[num_rows] * 2), tf.float32)

    def explicit(rows):
        one, other = rows[:, None], rows[None, :]
        if pairwise is ops.pairwise_similarity:
            return tf.reduce_sum(one * other, axis=-1)
        return tf.reduce_sum(tf.square(one - other), axis=-1)

    @tf.function(jit_compile=jit_compile)
    def gradient(function, rows):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            matrix = function(rows)
        return tape.gradient(matrix, rows, output_gradients=upstream)

    np.testing.assert_allclose(
        gradient(pairwise, rows), gradient(explicit, rows), atol=1e-3
    )
