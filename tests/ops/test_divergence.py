import numpy as np
import tensorflow as tf

from keras_dvml import ops


def test_divergence_is_zero_at_the_prior():
    zeros = tf.zeros((3, 5))
    np.testing.assert_array_equal(ops.gaussian_divergence(zeros, zeros), 0.0)


def test_divergence_equals_an_integral():
    # KL(N(m, s^2) || N(0, 1)) = E[log p - log q], summed on a fine grid.
    mean, log_variance = 0.7, -0.9
    deviation = np.exp(log_variance / 2)
    grid = np.linspace(-12, 12, 200_001)

    def log_density(center, scale):
        return -0.5 * ((grid - center) / scale) ** 2 - np.log(
            scale * np.sqrt(2 * np.pi)
        )

    posterior = log_density(mean, deviation)
    gap = posterior - log_density(0.0, 1.0)
    expected = np.sum(np.exp(posterior) * gap) * (grid[1] - grid[0])
    actual = ops.gaussian_divergence(
        tf.constant([[mean]]), tf.constant([[log_variance]])
    )
    np.testing.assert_allclose(actual[0], expected, rtol=1e-5)
