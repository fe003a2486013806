"""What every layer does: config, shapes, saving, a fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

# Name -> arguments, shapes of inputs and of outputs, numbers of weights that
# are trained and that are not.
LAYERS = {
    "CaffeScaling": ({}, [(4, 8, 8, 3)], [(4, 8, 8, 3)], (0, 0)),
    "FeatureDecoder": (
        {"feature_dim": 12, "hidden_dim": 6, "reconstruction_weight": 0.5},
        [(4, 5), (4, 12)],
        [(4, 12)],
        (4, 0),
    ),
    "GaussianSampling": (
        {"num_samples": 3, "seed": 1},
        [(4, 5), (4, 5)],
        [(1, 4, 5)],
        (0, 1),
    ),
    "HubFeatures": (
        {"batch_norm_frozen": True},
        [(4, 8, 8, 3)],
        [(4, 6)],
        (2, 1),
    ),
    "RotationHead": (
        {"hidden_dim": 6, "rotation_weight": 0.2},
        [(4, 5)],
        [(4, 4)],
        (4, 0),
    ),
    "VariationalEmbedding": (
        {"embedding_dim": 4, "num_samples": 3, "prior_weight": 0.5, "seed": 1},
        [(4, 6)],
        [(4, 4), (4, 4), (4, 4), (1, 4, 4)],
        (6, 1),
    ),
}


def test_no_layer_of_the_room_is_forgotten():
    assert set(LAYERS) == {
        name
        for name in kd.layers.__all__
        if issubclass(getattr(kd.layers, name), keras.layers.Layer)
    }


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, run_layer_test, write_hub_module, tmp_path):
    arguments, *expected = LAYERS[name]
    if name == "HubFeatures":
        handle = write_hub_module(tmp_path / "features")
        arguments = {**arguments, "handle": handle}
    run_layer_test(getattr(kd.layers, name), arguments, *expected)


def test_sampling_draws_around_the_mean_with_the_given_variance():
    sampling = kd.layers.GaussianSampling(num_samples=20_000, seed=0)
    mean = tf.constant([[1.0, -2.0]])
    log_variance = tf.math.log(tf.constant([[4.0, 0.25]]))
    draws = sampling(mean, log_variance, training=True).numpy()
    assert draws.shape == (20_000, 1, 2)
    # Standard error of the mean is 2 / sqrt(20000) = 0.014.
    np.testing.assert_allclose(draws.mean(axis=0)[0], [1, -2], atol=0.06)
    np.testing.assert_allclose(draws.std(axis=0)[0], [2, 0.5], rtol=0.05)


def test_sampling_returns_the_mean_outside_training():
    mean = tf.constant([[1.0, -2.0]])
    draws = kd.layers.GaussianSampling(5)(mean, mean, training=False)
    np.testing.assert_array_equal(draws, mean[None])


def test_sampling_never_repeats_its_noise():
    sampling = kd.layers.GaussianSampling(1, seed=0)
    zeros = tf.zeros((4, 4))
    first, second = (sampling(zeros, zeros, training=True) for _ in range(2))
    assert np.abs(first - second).max() > 0.1


def test_sampling_continues_where_it_was_saved():
    zeros = tf.zeros((2, 3))
    original = kd.layers.GaussianSampling(2, seed=7)
    original(zeros, zeros, training=True)
    copy = kd.layers.GaussianSampling(2, seed=7)
    copy.set_weights(original.get_weights())
    np.testing.assert_array_equal(
        copy(zeros, zeros, training=True), original(zeros, zeros, training=True)
    )


def test_sampling_passes_gradients_to_mean_and_variance():
    mean, log_variance = tf.Variable([[0.5]]), tf.Variable([[0.2]])
    sampling = kd.layers.GaussianSampling(num_samples=4, seed=0)
    with tf.GradientTape() as tape:
        draws = sampling(mean, log_variance, training=True)
        total = tf.reduce_sum(draws)
    by_mean, by_log_variance = tape.gradient(total, [mean, log_variance])
    # d(mean + s * noise)/d(log s^2) = s * noise / 2 = (draw - mean) / 2.
    np.testing.assert_allclose(by_mean, [[4.0]])
    np.testing.assert_allclose(
        by_log_variance[0, 0],
        np.sum(draws.numpy() - mean.numpy()) / 2,
        rtol=1e-5,
    )


def test_variational_embedding_adds_variation_to_the_invariant_part():
    layer = kd.layers.VariationalEmbedding(4, num_samples=3)
    outputs = layer(tf.ones((2, 6)), training=False)
    np.testing.assert_allclose(
        outputs.synthetic[0], outputs.invariant + outputs.variation_mean
    )
    assert layer(tf.ones((2, 6)), training=True).synthetic.shape == (3, 2, 4)


def test_layers_fit_together_in_a_functional_model():
    features = keras.Input((6,))
    parts = kd.layers.VariationalEmbedding(
        4, num_samples=3, prior_weight=0.5, seed=1
    )(features)
    decoded = kd.layers.FeatureDecoder(6, hidden_dim=5)(parts.synthetic)
    model = keras.Model(features, [parts.invariant, decoded[0]])
    model.compile("adam", loss=["mse", "mse"])
    inputs = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    targets = [inputs[:, :4], inputs]
    history = model.fit(inputs, targets, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    # The divergence from the prior.
    assert model.losses


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: kd.layers.GaussianSampling(0), "received 0"),
        (lambda: kd.layers.VariationalEmbedding(-1), "received -1"),
        (lambda: kd.layers.FeatureDecoder(0), "feature_dim.*received 0"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
