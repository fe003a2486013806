"""The rotation head by itself and in a user's own functional model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd


def test_logits_equal_numpy():
    head = kd.layers.RotationHead(hidden_dim=6)
    features = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
    logits = head(features)
    kernel, bias, kernel_out, bias_out = head.get_weights()
    hidden = np.maximum(features @ kernel + bias, 0.0)
    np.testing.assert_allclose(
        logits, hidden @ kernel_out + bias_out, rtol=1e-5, atol=1e-6
    )
    assert kernel.shape == (5, 6) and kernel_out.shape == (6, 4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_logits_are_float32_under_mixed_precision(policy):
    head = kd.layers.RotationHead(dtype=policy)
    assert head(tf.ones((4, 8), "float16")).dtype == tf.float32
    assert all(weight.dtype == "float32" for weight in head.weights)


def test_rotation_weight_adds_the_loss_of_the_turns():
    head = kd.layers.RotationHead(rotation_weight=0.5)
    logits = head(tf.random.normal((12, 8)))
    (added,) = head.losses
    np.testing.assert_allclose(added, 0.5 * kd.ops.rotation_loss(logits))
    assert not kd.layers.RotationHead().losses


def bright_above(number):
    """Images whose upper half is bright: their turns can be recognised."""
    random = np.random.default_rng(0)
    images = random.integers(0, 100, (number, 16, 16, 3))
    images[:, :8] += 150
    return images.astype(np.uint8)


def test_functional_model_learns_to_predict_turns():
    images = keras.Input((16, 16, 3))
    backbone = kd.models.conv_backbone(16, widths=(4, 8))
    model = keras.Model(images, kd.layers.RotationHead()(backbone(images)))
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    batches = tf.data.Dataset.from_tensors(bright_above(16))
    turned = batches.map(
        lambda images: (kd.ops.four_turns(images), tf.repeat(range(4), 16))
    )
    history = model.fit(turned.repeat(40), verbose=0, epochs=1).history
    assert history["accuracy"][0] > 0.5
    images, _ = next(iter(turned))
    # What a user's own loss measures is what the models' term is.
    np.testing.assert_allclose(
        model.evaluate(turned, verbose=0)[0],
        kd.ops.rotation_loss(model(images, training=False)),
        rtol=1e-5,
    )


def test_width_below_one_is_refused():
    with pytest.raises(ValueError, match="hidden_dim.*received 0"):
        kd.layers.RotationHead(hidden_dim=0)
