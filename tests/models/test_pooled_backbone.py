"""Backbones that are subclassed, unpooled, or return a dictionary."""

import logging
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    """Convolution and batch norm within a layer within it."""

    def __init__(self, returns="features", **kwargs):
        super().__init__(**kwargs)
        self.returns = returns
        self.block = keras.Sequential(
            [keras.layers.Conv2D(6, 4, 4), keras.layers.BatchNormalization()]
        )

    def call(self, images, training=False):
        positions = tf.nn.relu(self.block(images, training=training))
        pooled = tf.reduce_mean(positions, axis=(1, 2))
        return {
            "features": pooled,
            "positions": positions,
            "pooler_output": {"other": positions, "pooler_output": pooled},
            "unknown": {"last": positions, "first": positions},
            "several": (positions, pooled),
            "maps": positions[:, None],
        }[self.returns]

    def get_config(self):
        return {**super().get_config(), "returns": self.returns}


def functional(output_of):
    images = keras.Input((16, 16, 3))
    patches = keras.layers.Conv2D(6, 4, 4)(images)
    return keras.Model(images, output_of(patches))


def with_class_token(patches):
    tokens = keras.layers.Reshape((16, 6))(patches)
    class_token = keras.layers.GlobalMaxPooling1D(keepdims=True)(tokens)
    return keras.layers.Concatenate(axis=1)([class_token, tokens])


@pytest.fixture
def images():
    random = np.random.default_rng(0)
    return random.normal(size=(2, 16, 16, 3)).astype(np.float32)


@pytest.mark.parametrize("kind", ["EmbeddingModel", "DVML", "UDML"])
def test_subclassed_backbone_trains_saves_and_loads(
    kind, make_model, tiny_images, tmp_path
):
    model = make_model(kind, kd.models.pooled_backbone(Subclassed(), 16))
    assert model.image_size == (16, 16)
    model.compile("adam", loss=kd.losses.NPairLoss())
    before = [weight.numpy() for weight in model.backbone.trainable_weights]
    assert len(before) == 4
    model.fit(*tiny_images, batch_size=40, verbose=0)
    after = [weight.numpy() for weight in model.backbone.trainable_weights]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.predict(tiny_images[0], verbose=0),
        model.predict(tiny_images[0], verbose=0),
    )


def test_pooled_backbone_stays_as_it_is(tiny_backbone):
    assert kd.models.pooled_backbone(tiny_backbone, 16) is tiny_backbone
    model = kd.models.EmbeddingModel(tiny_backbone)
    assert model.backbone is tiny_backbone


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        ("features", None),
        ("positions", r"means over the positions.*4, 4, 6"),
        ("pooler_output", "the pooler_output of"),
    ],
)
def test_what_a_subclassed_backbone_returns_is_pooled(
    returns, message, images, caplog
):
    backbone = Subclassed(returns)
    backbone(images)
    with caplog.at_level(logging.INFO, "keras_dvml"):
        pooled = kd.models.pooled_backbone(backbone)
    assert pooled.input_shape == (None, 16, 16, 3)
    positions = tf.nn.relu(backbone.block(images))
    np.testing.assert_allclose(
        pooled(images), np.mean(positions, axis=(1, 2)), atol=1e-6
    )
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == (message is not None)
    if message:
        assert re.search(message, said[0])


def test_positions_are_averaged(images):
    unpooled = functional(lambda patches: patches)
    pooled = kd.models.pooled_backbone(unpooled)
    np.testing.assert_allclose(
        pooled(images), np.mean(unpooled(images), axis=(1, 2)), atol=1e-6
    )


def test_patches_are_averaged(images):
    tokens = functional(keras.layers.Reshape((16, 6)))
    pooled = kd.models.pooled_backbone(tokens)
    np.testing.assert_allclose(
        pooled(images), np.mean(tokens(images), axis=1), atol=1e-6
    )


def test_class_token_is_taken(images, caplog):
    tokens = functional(with_class_token)
    with caplog.at_level(logging.INFO, "keras_dvml"):
        pooled = kd.models.pooled_backbone(tokens)
    assert "the first of the 17 tokens" in caplog.text
    np.testing.assert_array_equal(pooled(images), tokens(images)[:, 0])


def test_patches_of_images_that_are_not_square_are_averaged():
    images = keras.Input((16, 24, 3))
    patches = keras.layers.Conv2D(6, 4, 4)(images)
    tokens = keras.Model(images, keras.layers.Reshape((24, 6))(patches))
    image = np.random.default_rng(0).normal(size=(1, 16, 24, 3))
    np.testing.assert_allclose(
        kd.models.pooled_backbone(tokens)(image),
        np.mean(tokens(image), axis=1),
        atol=1e-6,
    )


def test_size_is_given_to_a_backbone_of_any_size():
    images = keras.Input((None, None, 3))
    anything = keras.Model(images, keras.layers.Conv2D(6, 3)(images))
    pooled = kd.models.pooled_backbone(anything, image_size=20)
    assert pooled.input_shape == (None, 20, 20, 3)
    assert kd.models.pooled_backbone(anything).input_shape[1] is None


def test_two_inputs_are_refused(kind, make_model):
    images, ids = keras.Input((16, 16, 3)), keras.Input((4,))
    features = keras.layers.GlobalAveragePooling2D()(images)
    features = keras.layers.Concatenate()([features, ids])
    with pytest.raises(ValueError, match=r"nothing else.*3\), \(None, 4\)"):
        make_model(kind, keras.Model([images, ids], features))


class TwoArguments(keras.Model):
    def call(self, images, ids):
        return images


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (TwoArguments(), "fails on them.*TypeError.*argument"),
        (Subclassed("unknown"), r"`pooler_output`; received.*'first', 'last'"),
        (Subclassed("several"), r"return features of shape \(batch"),
        (Subclassed("maps"), r"return features of shape \(batch"),
    ],
)
def test_what_is_no_backbone_is_refused(backbone, message):
    with pytest.raises(ValueError, match=f"(?s)backbone must.*{message}"):
        kd.models.EmbeddingModel(backbone)


def test_another_size_is_refused(tiny_backbone):
    with pytest.raises(ValueError, match="takes images of 16 x 16.*20"):
        kd.models.pooled_backbone(tiny_backbone, image_size=20)


def test_batch_norm_within_layers_is_frozen():
    backbone = kd.models.pooled_backbone(Subclassed(), 16)
    assert len(backbone.trainable_weights) == 4
    assert len(kd.models.freeze_batch_norm(backbone).trainable_weights) == 2


def test_layers_up_to_one_are_frozen(tiny_backbone):
    convolutions = [
        layer
        for layer in tiny_backbone.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    kd.models.freeze_up_to(tiny_backbone, convolutions[1].name)
    # What is left is scale and offset of the second batch norm.
    assert len(tiny_backbone.trainable_weights) == 2
    with pytest.raises(
        ValueError, match="of one of the layers.*received 'top'"
    ):
        kd.models.freeze_up_to(tiny_backbone, "top")
