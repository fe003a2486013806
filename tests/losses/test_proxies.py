"""Proxies belong to the model that was compiled with their loss."""

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

LOSSES = {
    "proxy_nca": lambda: kd.losses.ProxyNCALoss(8, 16, temperature=0.1),
    "proxy_anchor": lambda: kd.losses.ProxyAnchorLoss(8, 16),
    "soft_triple": lambda: kd.losses.SoftTripleLoss(8, 16, num_centers=2),
}
every_loss = pytest.mark.parametrize("name", LOSSES)


@pytest.fixture
def model(name, tiny_backbone):
    model = kd.models.EmbeddingModel(tiny_backbone, embedding_dim=16)
    model.compile("adam", loss=LOSSES[name]())
    return model


@every_loss
def test_proxies_are_counted_among_the_weights(name, model):
    with_proxies = model.count_params()
    num_weights = model.loss.proxies.count_params()
    model = type(model).from_config(model.get_config())
    model.compile("adam", loss=kd.losses.NPairLoss())
    assert with_proxies == model.count_params() + num_weights


@every_loss
def test_proxies_leave_with_their_loss(name, model, tiny_images, tmp_path):
    with_proxies = len(model.trainable_weights)
    model.compile("adam", loss=kd.losses.NPairLoss())
    assert len(model.trainable_weights) == with_proxies - 1
    model.fit(*tiny_images, batch_size=40, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = tf.keras.models.load_model(tmp_path / "model.keras")
    assert len(loaded.weights) == len(model.weights)

    model.compile("adam", loss=LOSSES[name]())
    assert len(model.trainable_weights) == with_proxies


@every_loss
def test_proxies_are_trained(name, model, tiny_images):
    before = model.loss.proxies.get_weights()[0]
    history = model.fit(*tiny_images, batch_size=40, epochs=5, verbose=0)
    assert np.abs(model.loss.proxies.get_weights()[0] - before).min() > 0
    losses = history.history["metric_loss"]
    assert losses[-1] < losses[0]


@every_loss
def test_proxies_are_saved_with_the_model(
    name, model, tiny_images, tmp_path, run_forked
):
    images, labels = tiny_images
    model.fit(images, labels, batch_size=40, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "batch.npz", images=images, labels=labels)
    code = """
import sys
import keras, numpy as np
import keras_dvml.losses, keras_dvml.models
model = keras.models.load_model(sys.argv[1] + "/model.keras")
batch = np.load(sys.argv[1] + "/batch.npz")
np.save(sys.argv[1] + "/proxies.npy", model.loss.proxies.get_weights()[0])
model.fit(batch["images"], batch["labels"], batch_size=40, shuffle=False,
          verbose=0)
np.save(sys.argv[1] + "/trained.npy", model.loss.proxies.get_weights()[0])
"""
    run_forked(code, tmp_path)
    proxies = model.loss.proxies.get_weights()[0]
    np.testing.assert_array_equal(np.load(tmp_path / "proxies.npy"), proxies)
    # The optimizer's state of the proxies came along as well.
    model.fit(images, labels, batch_size=40, shuffle=False, verbose=0)
    np.testing.assert_allclose(
        np.load(tmp_path / "trained.npy"),
        model.loss.proxies.get_weights()[0],
        atol=1e-6,
    )


@every_loss
def test_proxies_train_under_a_strategy(name, tiny_images):
    images, labels = tiny_images
    strategy = tf.distribute.MirroredStrategy(["/cpu:0"])
    with strategy.scope():
        model = kd.models.EmbeddingModel(
            kd.models.conv_backbone(16, widths=(4, 8)), embedding_dim=16
        )
        model.compile("adam", loss=LOSSES[name]())
    before = model.loss.proxies.get_weights()[0]
    model.fit(images, labels, batch_size=40, verbose=0)
    assert np.abs(model.loss.proxies.get_weights()[0] - before).min() > 0
