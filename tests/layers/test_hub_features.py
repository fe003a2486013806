import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd


@pytest.fixture(scope="module")
def handle(write_hub_module, tmp_path_factory):
    return write_hub_module(tmp_path_factory.mktemp("hub") / "features")


@pytest.fixture
def images():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (8, 8, 8, 3)).astype(np.uint8)


def model_over(handle, **options):
    pixels = keras.Input((8, 8, 3))
    features = kd.layers.HubFeatures(handle, **options)(pixels)
    model = kd.models.EmbeddingModel(
        keras.Model(pixels, features),
        embedding_dim=4,
        preprocessing=keras.layers.Rescaling(1 / 255),
    )
    model.compile(keras.optimizers.SGD(1.0), loss=kd.losses.NPairLoss())
    return model


def test_gradient_reaches_the_weights_and_training_changes_all(handle, images):
    model = model_over(handle)
    assert len(model.backbone.trainable_weights) == 2
    assert len(model.backbone.non_trainable_weights) == 1
    before = [weight.numpy() for weight in model.backbone.weights]
    model.fit(images, np.arange(8) % 2, verbose=0)
    after = [weight.numpy() for weight in model.backbone.weights]
    assert [old.shape for old in before] == [(3, 3, 3, 6), (6,), (6,)]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


def test_penalties_of_the_module_are_added_in_training(handle):
    layer = kd.layers.HubFeatures(handle)
    kernel = layer.weights[0].numpy()
    layer(tf.zeros((1, 8, 8, 3)), training=True)
    # 0.01 of half the sum of squares.
    np.testing.assert_allclose(
        float(layer.losses[0]), 0.005 * np.square(kernel).sum(), rtol=1e-5
    )


def test_saved_model_is_loaded_where_only_the_library_is(
    handle, images, tmp_path, run_python
):
    model = model_over(handle)
    model.fit(images, np.arange(8) % 2, verbose=0)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", images)
    printed = run_python(
        """
import sys, keras, numpy as np
import keras_dvml
model = keras.models.load_model(sys.argv[1])
print(model.predict(np.load(sys.argv[2]), verbose=0).tolist())
""",
        tmp_path / "model.keras",
        tmp_path / "images.npy",
    )
    np.testing.assert_allclose(
        np.array(eval(printed)), model.predict(images, verbose=0), atol=1e-6
    )


def test_module_is_served_without_keras(handle, images, tmp_path):
    model = model_over(handle)
    kd.serving.write_saved_model(model, str(tmp_path / "model"))
    served = tf.saved_model.load(str(tmp_path / "model"))
    encoded = tf.constant([tf.io.encode_png(image).numpy() for image in images])
    np.testing.assert_allclose(
        served.signatures["embed"](image_bytes=encoded)["embedding"],
        model.predict(images, verbose=0),
        atol=1e-5,
    )


def test_batch_norm_can_be_frozen(handle, images):
    images = tf.constant(images / 255.0, tf.float32)
    free = kd.layers.HubFeatures(handle)
    frozen = kd.layers.HubFeatures(handle, batch_norm_frozen=True)
    assert np.ptp(free(images, training=True) - free(images)) > 1e-3
    np.testing.assert_array_equal(frozen(images, training=True), frozen(images))


def test_what_cannot_be_trained_is_refused(tmp_path):
    module = tf.Module()
    module.weight = tf.Variable(1.0)
    tf.saved_model.save(module, str(tmp_path / "constant"))
    with pytest.raises(ValueError, match="can be called and .*constant"):
        kd.layers.HubFeatures(str(tmp_path / "constant"))
