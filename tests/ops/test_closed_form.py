import numpy as np
import pytest
import tensorflow as tf

from keras_dvml import ops


def explicit_similarity(rows):
    return tf.reduce_sum(rows[:, None] * rows[None, :], axis=-1)


def explicit_squared_distance(rows):
    return tf.reduce_sum(tf.square(rows[:, None] - rows[None, :]), axis=-1)


EXPLICIT = {
    ops.pairwise_similarity: explicit_similarity,
    ops.pairwise_squared_distance: explicit_squared_distance,
}
both_kinds = pytest.mark.parametrize("pairwise", EXPLICIT)


@both_kinds
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
# Small and large matrices go different ways.
@pytest.mark.parametrize("num_rows", [7, 300])
def test_value_and_gradient_equal_those_of_explicit_pairs(
    pairwise, jit_compile, symmetric, num_rows
):
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
            value = 10.0 * ops.loss_with_closed_form_gradient(
                value_and_slope, rows, pairwise=pairwise, symmetric=symmetric
            )
        return value, tape.gradient(value, rows)

    with tf.GradientTape() as tape:
        tape.watch(rows)
        value = 10.0 * value_and_slope(EXPLICIT[pairwise](rows))[0]
    for actual, expected in zip(
        ours(rows), (value, tape.gradient(value, rows)), strict=True
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-2)


@both_kinds
def test_gradient_comes_in_the_precision_of_the_embeddings(pairwise):
    rows = tf.Variable([[0.0, 1.0], [1.0, 0.0]], dtype=tf.float16)
    with tf.GradientTape() as tape:
        value = ops.loss_with_closed_form_gradient(
            lambda matrix: (tf.reduce_sum(matrix), 0.0 * matrix),
            rows,
            pairwise=pairwise,
        )
    assert value.dtype == tf.float32
    assert tape.gradient(value, rows).dtype == tf.float16
