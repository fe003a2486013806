import numpy as np
import pytest
import tensorflow as tf

from keras_dvml import ops


def explicit_similarity(rows):
    return tf.reduce_sum(rows[:, None] * rows[None, :], axis=-1)


def explicit_squared_distance(rows):
    return tf.reduce_sum(tf.square(rows[:, None] - rows[None, :]), axis=-1)


WAYS = {
    "similarities": (ops.over_similarities, explicit_similarity),
    "squared distances": (
        ops.over_squared_distances,
        explicit_squared_distance,
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
# Small and large matrices go different ways.
@pytest.mark.parametrize("num_rows", [7, 300])
def test_value_and_gradient_equal_those_of_explicit_pairs(
    way, jit_compile, symmetric, num_rows
):
    over, explicit = WAYS[way]
    random = np.random.default_rng(0)
    rows = tf.constant(random.normal(size=(num_rows, 3)), tf.float32)
    weight = tf.constant(random.normal(size=[num_rows] * 2), tf.float32)
    if symmetric:
        weight += tf.transpose(weight)

    def value_and_slope(matrix):
        return tf.reduce_sum(weight * matrix), weight

    @tf.function(jit_compile=jit_compile)
    def ours(rows):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            value = 10.0 * over(value_and_slope, rows, symmetric=symmetric)
        return value, tape.gradient(value, rows)

    with tf.GradientTape() as tape:
        tape.watch(rows)
        value = 10.0 * value_and_slope(explicit(rows))[0]
    for actual, expected in zip(
        ours(rows), (value, tape.gradient(value, rows)), strict=True
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("way", WAYS)
def test_gradient_comes_in_the_precision_of_the_embeddings(way):
    over, _ = WAYS[way]
    rows = tf.Variable([[0.0, 1.0], [1.0, 0.0]], dtype=tf.float16)
    with tf.GradientTape() as tape:
        value = over(lambda matrix: (tf.reduce_sum(matrix), 0.0 * matrix), rows)
    assert value.dtype == tf.float32
    assert tape.gradient(value, rows).dtype == tf.float16
