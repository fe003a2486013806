import numpy as np
import tensorflow as tf

from keras_dvml import ops


def test_noise_has_the_moments_of_a_standard_normal():
    noise = ops.normal_noise((200_000,), [1, 2]).numpy().astype(np.float64)
    # Standard errors: 0.0022, 0.0032, 0.0055 and 0.022.
    assert abs(noise.mean()) < 0.01
    assert abs(noise.var() - 1) < 0.015
    assert abs((noise**3).mean()) < 0.03
    assert abs((noise**4).mean() - 3) < 0.1
    # 2,700 in a million lie beyond three standard deviations.
    assert abs((np.abs(noise) > 3).mean() - 0.0027) < 0.0006


def test_uniform_noise_fills_0_to_1_evenly():
    noise = ops.uniform_noise((200_000,), [1, 2]).numpy().astype(np.float64)
    assert 0.0 <= noise.min() and noise.max() < 1.0
    # Standard errors: 0.0006 and 0.0002.
    assert abs(noise.mean() - 1 / 2) < 0.003
    assert abs(noise.var() - 1 / 12) < 0.001


def test_noise_is_the_same_under_xla():
    seed = tf.Variable([1, 2])

    def draw():
        return ops.normal_noise((50, 7), tf.convert_to_tensor(seed))

    compiled = tf.function(draw, jit_compile=True)
    np.testing.assert_allclose(compiled(), draw(), rtol=1e-4, atol=1e-5)


def test_seeds_give_different_noise():
    first, second = (ops.normal_noise((1000,), [0, n]) for n in range(2))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.15
