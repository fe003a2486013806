import numpy as np
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


def test_square_root_has_a_finite_slope_at_zero():
    values = tf.Variable([0.0, 4.0])
    with tf.GradientTape() as tape:
        roots = ops.safe_sqrt(values)
    np.testing.assert_allclose(roots, [1e-6, 2.0])
    at_zero, at_four = tape.gradient(roots, values).numpy()
    # d sqrt(v) / dv = 1 / (2 sqrt(v)).
    assert np.isfinite(at_zero) and at_four == 0.25
