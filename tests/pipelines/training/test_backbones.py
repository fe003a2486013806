"""Backbones that configurations name, with weights of one kind or another."""

import dataclasses

import numpy as np
import pytest

from pipelines.configs import TrainConfig

pytestmark = pytest.mark.pipeline


@pytest.fixture
def images():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def hub_folder(write_hub_module, tmp_path_factory):
    return write_hub_module(tmp_path_factory.mktemp("hub") / "feature_vector")


def config(**changes):
    small = {"image_size": 32, "embedding_dim": 8, "num_samples": 2}
    return TrainConfig(**{**small, **changes})


def train_once(model, images):
    batch = np.concatenate([images, 255 - images])
    return model.fit(batch, np.array([0, 1, 0, 1]), verbose=0)


@pytest.mark.parametrize(
    ("name", "num_features"),
    [("conv", 256), ("MobileNet", 1024), ("efficientnet_lite0:14", 192)],
)
def test_backbone_pools_features(name, num_features):
    from pipelines.training.backbones import build_backbone

    backbone = build_backbone(config(backbone=name))
    assert backbone.output_shape == (None, num_features)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("EfficientNetV2B0", 32),
        ("InceptionV3", 75),
        ("MobileNetV2", 32),
        ("ResNet50", 32),
    ],
)
def test_larger_backbone_pools_features(name, size):
    from pipelines.training.backbones import build_backbone

    backbone = build_backbone(config(backbone=name, image_size=size))
    assert backbone.output_shape[1] in (1280, 2048)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("EfficientNetV2B0", "efficientnet_v2"),
        ("InceptionV3", "inception_v3"),
        ("MobileNet", "mobilenet"),
        ("MobileNetV2", "mobilenet_v2"),
        ("ResNet50", "resnet50"),
    ],
)
def test_images_are_scaled_as_keras_scales_them(name, module, images):
    import keras

    from pipelines.training.backbones import build_preprocessing

    expected = getattr(keras.applications, module).preprocess_input(
        images.astype(np.float32)
    )
    if name == "EfficientNetV2B0":
        # There Keras leaves it to the backbone, which we tell not to.
        expected = images / 127.5 - 1
    scaled = build_preprocessing(config(backbone=name))(images)
    np.testing.assert_allclose(scaled, expected, atol=1e-4)


def test_weights_come_from_a_file(tmp_path, images):
    from pipelines.training.backbones import build_backbone

    pretrained = build_backbone(config(backbone="MobileNet"))
    path = str(tmp_path / "mobilenet.weights.h5")
    pretrained.save_weights(path)
    loaded = build_backbone(config(backbone="MobileNet", weights=path))
    np.testing.assert_array_equal(pretrained(images), loaded(images))


@pytest.mark.parametrize("name", ["gone.weights.h5", "other.weights.h5"])
def test_wrong_file_of_weights_is_named(name, tmp_path):
    from pipelines.training.backbones import build_backbone

    other = build_backbone(config(widths=(4, 8)))
    other.save_weights(str(tmp_path / "other.weights.h5"))
    wrong = config(weights=str(tmp_path / name))
    with pytest.raises(ValueError, match=rf"`weights` must.*conv.*{name}"):
        build_backbone(wrong)


def test_efficientnet_lite0_has_its_weights_and_scaling(images):
    import keras_dvml as kd
    from pipelines.training.methods import build_model

    model = build_model(
        config(backbone="efficientnet_lite0", weights="imagenet")
    )
    expected = kd.models.EmbeddingModel(kd.models.efficientnet_lite0(32))
    np.testing.assert_array_equal(
        model.features(images), expected.features(images)
    )


def test_batch_norm_frozen_at_random_weights_is_told(caplog):
    from pipelines.training.backbones import build_backbone

    build_backbone(config(backbone="MobileNet"))
    assert not caplog.records
    build_backbone(config(backbone="MobileNet", batch_norm_frozen=True))
    (record,) = caplog.records
    assert "--set train.weights=imagenet" in record.getMessage()


def test_frozen_batch_norm_stays_as_it_was(images):
    import keras

    from pipelines.training.methods import build_model

    model = build_model(
        config(method="dvml", backbone="MobileNet", batch_norm_frozen=True)
    )
    layers = [
        layer
        for layer in model.backbone.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    before = [w.numpy() for layer in layers for w in layer.weights]
    train_once(model, images)
    after = [w.numpy() for layer in layers for w in layer.weights]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("method", ["plain", "dvml", "udml"])
def test_features_of_tensorflow_hub_are_trained_and_saved(
    method, hub_folder, images, tmp_path
):
    import keras

    from pipelines.training.methods import build_model

    # A loss whose gradient is never 0.
    model = build_model(
        config(method=method, loss="n_pair", backbone=hub_folder)
    )
    before = [weight.numpy() for weight in model.backbone.weights]
    assert before[0].shape == (3, 3, 3, 6)
    train_once(model, images)
    after = [weight.numpy() for weight in model.backbone.weights]
    # Kernel, bias, scale and offset by their gradients, mean and variance
    # by batch normalisation: all six are new.
    assert all((a != b).any() for a, b in zip(before, after, strict=True))

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )


def test_weights_beside_tensorflow_hub_are_refused(hub_folder):
    from pipelines.training.backbones import build_backbone

    with pytest.raises(ValueError, match="brings its own.*weights='a.h5'"):
        build_backbone(config(backbone=hub_folder, weights="a.h5"))


def test_backbone_of_a_trained_model_keeps_its_scaling(images, tmp_path):
    import keras

    import keras_dvml as kd
    from pipelines.training.methods import build_model

    trained = kd.models.DVML(
        kd.models.conv_backbone(32, widths=(4, 8)),
        preprocessing=keras.layers.Rescaling(1 / 255),
    )
    path = str(tmp_path / "model.keras")
    trained.save(path)
    model = build_model(config(method="plain", backbone=path))
    np.testing.assert_array_equal(
        model.features(images), trained.features(images)
    )


def test_model_of_a_file_is_pooled_and_takes_minus_one_to_one(images, tmp_path):
    import keras

    from pipelines.training.methods import build_model

    inputs = keras.Input((None, None, 3))
    unpooled = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs))
    path = str(tmp_path / "unpooled.keras")
    unpooled.save(path)
    model = build_model(config(method="plain", backbone=path))
    assert model.image_size == (32, 32)
    expected = np.mean(unpooled(images / 127.5 - 1), axis=(1, 2))
    features = model.backbone(model.preprocessing(images))
    np.testing.assert_allclose(features, expected, atol=1e-5)


@pytest.mark.parametrize(
    "backbone", ["{folder}/gone.keras", "{folder}/text.keras", "{folder}/gone"]
)
def test_backbone_that_cannot_be_loaded_is_named(backbone, tmp_path):
    from pipelines.training.backbones import build_backbone

    (tmp_path / "text.keras").write_text("no model")
    path = backbone.format(folder=tmp_path)
    with pytest.raises(ValueError, match=f"`backbone` must.*backbone='{path}'"):
        build_backbone(config(backbone=path))


def test_backbone_of_a_file_for_another_size_is_named(tmp_path):
    from pipelines.training.backbones import build_backbone

    path = str(tmp_path / "conv.keras")
    build_backbone(config(widths=(4, 8))).save(path)
    with pytest.raises(ValueError, match="image_size must.*32 x 32.*48"):
        build_backbone(config(backbone=path, image_size=48))


@pytest.fixture(scope="module")
def keras_hub_preset(tmp_path_factory):
    import keras_hub

    folder = str(tmp_path_factory.mktemp("preset"))
    backbone = keras_hub.models.ViTBackbone(
        image_shape=(32, 32, 3),
        patch_size=16,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        mlp_dim=16,
    )
    backbone.save_to_preset(folder)
    converter = keras_hub.layers.ViTImageConverter(
        image_size=(32, 32), scale=[0.02, 0.01, 0.03], offset=[-2.0, -1.0, 0.5]
    )
    converter.save_to_preset(folder)
    return folder, backbone


def test_preset_of_keras_hub_is_pooled_scaled_and_saved(
    keras_hub_preset, images, tmp_path
):
    import keras

    from pipelines.training.methods import build_model

    folder, backbone = keras_hub_preset
    model = build_model(config(method="plain", backbone=f"keras_hub:{folder}"))
    scaled = images * [0.02, 0.01, 0.03] + [-2.0, -1.0, 0.5]
    # The class token.
    expected = backbone(scaled.astype(np.float32))[:, 0]
    np.testing.assert_allclose(model.features(images), expected, atol=1e-5)

    train_once(model, images)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )


def test_wrong_presets_of_keras_hub_are_named(keras_hub_preset, tmp_path):
    from pipelines.training.backbones import build_backbone

    folder, _ = keras_hub_preset
    with pytest.raises(ValueError, match="image_size must.*32 x 32.*64"):
        build_backbone(config(backbone=f"keras_hub:{folder}", image_size=64))
    gone = f"keras_hub:{tmp_path / 'gone'}"
    with pytest.raises(ValueError, match=f"`backbone` must.*backbone='{gone}'"):
        build_backbone(config(backbone=gone))


@pytest.mark.parametrize("again", [False, True])
def test_lower_part_stays_as_pretrained(again, images, tmp_path):
    import keras

    from pipelines.training.methods import build_model, continue_model

    # As a training does: Keras counts the layers of a process in their names.
    keras.backend.clear_session()
    frozen = config(widths=(4, 8), frozen_share=0.5)
    model = build_model(frozen)
    if again:
        model.save(tmp_path / "model.keras")
        model = continue_model(str(tmp_path / "model.keras"), frozen)
    before = [weight.numpy() for weight in model.backbone.weights]
    train_once(model, images)
    after = [weight.numpy() for weight in model.backbone.weights]
    changed = [(a != b).any() for a, b in zip(before, after, strict=True)]
    # Each block: kernel, scale, offset, mean, variance.
    assert changed == 5 * [False] + 5 * [True]


@pytest.mark.parametrize(
    ("method", "loss", "expected"),
    [
        ("plain", "triplet", "TripletSemiHardLoss"),
        ("plain", "n_pair", "NPairLoss"),
        ("dvml", "angular", "AngularLoss"),
        ("dvml", "multi_similarity", "MultiSimilarityLoss"),
        # Named for its loss, whatever the others have.
        ("triplet", "n_pair", "TripletSemiHardLoss"),
        ("udml", "triplet", "MultiSimilarityLoss"),
    ],
)
def test_methods_compare_embeddings_with_the_loss_they_are_told(
    method, loss, expected
):
    from pipelines.training.methods import metric_loss

    found = metric_loss(TrainConfig(method=method, loss=loss))
    assert type(found).__name__ == expected


def test_head_rate_and_weight_decay_reach_the_model():
    from pipelines.training.methods import build_model

    small = config(method="dvml", head_rate=10.0, weight_decay=5e-4)
    model = build_model(small)
    assert model.head_rate == 10.0
    assert model.optimizer.weight_decay == pytest.approx(5e-4)
    plain = build_model(dataclasses.replace(small, weight_decay=0.0))
    assert plain.optimizer.weight_decay is None
