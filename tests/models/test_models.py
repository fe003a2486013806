"""What every model does: fit, evaluate, predict, config, save and load."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd
from keras_dvml import keras_versions

DVML_WEIGHTS = {
    "prior": 0.01,
    "reconstruction": 1.0,
    "synthetic": 0.1,
    "invariant": 1.0,
}
# Kind -> its terms, and what they weigh in phase 1.
WEIGHTS = {
    "EmbeddingModel": {"metric": 1.0},
    "DVML": DVML_WEIGHTS,
    "UDML": {"metric": 1.0, "rotation": 0.1},
    "VariationalUDML": {**DVML_WEIGHTS, "rotation": 0.1},
}
# Kind -> arguments, none of them the default, of a configuration.
OPTIONS = {
    "head_rate": 10.0,
    "name": "birds",
    "normalized": False,
    "normalize_features": False,
    "image_fit": "pad",
}
DVML_OPTIONS = {
    "num_samples": 5,
    "seed": 3,
    "prior_weight": [0.5, 0.4],
    "reconstruction_weight": [2.0, 3.0],
    "synthetic_weight": [0.3, 0.1],
    "invariant_weight": [0.5, 0.6],
}
ROTATION_OPTIONS = {"rotation_weight": 0.3, "rotation_batch": 4}
CONFIGS = {
    "EmbeddingModel": OPTIONS,
    "DVML": {**OPTIONS, **DVML_OPTIONS},
    "UDML": {**OPTIONS, **ROTATION_OPTIONS},
    "VariationalUDML": {**OPTIONS, **DVML_OPTIONS, **ROTATION_OPTIONS},
}


@pytest.fixture
def compiled(kind, make_model):
    model = make_model(kind)
    model.compile("adam", loss=kd.losses.TripletSemiHardLoss(margin=0.2))
    return model


def test_fit_lowers_the_loss_and_logs_every_term(kind, compiled, tiny_images):
    history = compiled.fit(
        kd.data.balanced_batches(
            *tiny_images,
            classes_per_batch=8,
            images_per_class=5,
            steps_per_epoch=10,
        ),
        epochs=4,
        verbose=0,
    ).history
    assert set(history) == {"loss", *(f"{name}_loss" for name in WEIGHTS[kind])}
    assert history["loss"][-1] < history["loss"][0]


def test_loss_is_the_weighted_sum_of_its_terms(kind, compiled, tiny_images):
    history = compiled.fit(*tiny_images, batch_size=40, verbose=0).history
    total = sum(
        weight * history[f"{name}_loss"][0]
        for name, weight in WEIGHTS[kind].items()
    )
    assert history["loss"][0] == pytest.approx(total, rel=1e-5)


def test_evaluate_measures_without_training(kind, compiled, tiny_images):
    before = [weight.numpy() for weight in compiled.trainable_weights]
    scores = compiled.evaluate(*tiny_images, batch_size=40, verbose=0)
    assert len(scores) == 1 + len(WEIGHTS[kind])
    assert np.isfinite(scores).all()
    again = compiled.evaluate(*tiny_images, batch_size=40, verbose=0)
    np.testing.assert_allclose(scores, again, rtol=1e-6)
    for old, weight in zip(before, compiled.trainable_weights, strict=True):
        np.testing.assert_array_equal(old, weight.numpy())


def test_predict_gives_unit_length_embeddings(compiled, tiny_images):
    embeddings = compiled.predict(tiny_images[0], verbose=0)
    assert embeddings.shape == (40, 8) and embeddings.dtype == np.float32
    np.testing.assert_allclose(
        np.linalg.norm(embeddings, axis=1), 1.0, rtol=1e-5
    )


def test_embeddings_of_free_length_on_request(kind, make_model, tiny_images):
    model = make_model(kind, normalized=False)
    length = np.linalg.norm(model.predict(tiny_images[0], verbose=0), axis=1)
    assert np.abs(length - 1).max() > 1e-3


def test_images_may_be_integers_or_floats(compiled, tiny_images):
    images, _ = tiny_images
    np.testing.assert_allclose(
        compiled(images), compiled(images.astype(np.float32)), rtol=1e-6
    )


def test_config_rebuilds_the_model(kind, make_model):
    model = make_model(kind, **CONFIGS[kind])
    config = model.get_config()
    assert CONFIGS[kind].items() <= config.items()
    rebuilt = type(model).from_config(config)
    assert type(rebuilt) is type(model)
    assert rebuilt.get_config() == model.get_config()
    assert [weight.shape for weight in rebuilt.get_weights()] == [
        weight.shape for weight in model.get_weights()
    ]


def test_saved_model_continues_in_a_new_process(
    compiled, tiny_images, tmp_path, run_forked
):
    images, labels = tiny_images
    # Momentum is a state to be saved. Adam would make a whole step of the last
    # digit of a gradient near 0, which differs from process to process.
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    compiled.compile(optimizer, loss=compiled.loss)
    compiled.fit(images, labels, batch_size=40, shuffle=False, verbose=0)
    compiled.save(tmp_path / "model.keras")
    np.savez(tmp_path / "batch.npz", images=images, labels=labels)
    code = """
import sys
import keras, numpy as np
import keras_dvml.losses, keras_dvml.models
model = keras.models.load_model(sys.argv[1] + "/model.keras")
batch = np.load(sys.argv[1] + "/batch.npz")
model.fit(batch["images"], batch["labels"], batch_size=40, shuffle=False,
          verbose=0)
np.save(sys.argv[1] + "/embeddings.npy", model.predict(batch["images"]))
"""
    run_forked(code, tmp_path)
    compiled.fit(images, labels, batch_size=40, shuffle=False, verbose=0)
    np.testing.assert_allclose(
        np.load(tmp_path / "embeddings.npy"),
        compiled.predict(images, verbose=0),
        atol=1e-5,
    )


@pytest.mark.parametrize("jit_compile", [False, True])
def test_loss_that_is_not_finite_ends_fit_and_is_named(
    jit_compile, make_model, tiny_images
):
    def overflowing(labels, embeddings):
        return tf.exp(1e3 + embeddings[:, 0])

    model = make_model("UDML")
    model.compile("sgd", loss=overflowing, jit_compile=jit_compile)
    with pytest.raises(FloatingPointError, match="received metric_loss is inf"):
        model.fit(*tiny_images, batch_size=40, epochs=9, verbose=0)


def test_models_saved_before_features_were_normalized_take_them_as_they_are(
    kind, make_model, tiny_images
):
    config = make_model(kind).get_config()
    assert config.pop("normalize_features")
    model = type(make_model(kind)).from_config(config)
    features = model.features(tiny_images[0])
    expected = model.backbone(model.preprocessing(tiny_images[0]))
    np.testing.assert_array_equal(features, expected)


def test_summary_prints_every_part_once(kind, compiled):
    lines = []
    compiled.summary(print_fn=lambda line, **_: lines.append(line))
    text = "\n".join(lines)
    assert text.count("conv_backbone") == 1
    assert text.count("rotation_head") == ("rotation" in WEIGHTS[kind])


def test_any_keras_loss_over_labels_and_embeddings_trains(
    compiled, tiny_images
):
    compiled.compile(
        "adam",
        loss=lambda labels, embeddings: tf.square(embeddings[:, 0]),
        run_eagerly=True,
    )
    history = compiled.fit(*tiny_images, batch_size=40, epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]


# The variational one has every term of the others.
@pytest.mark.parametrize(
    ("kind", "policy"),
    [
        *((kind, "mixed_float16") for kind in WEIGHTS),
        ("VariationalUDML", "mixed_bfloat16"),
        *(
            pytest.param(kind, "mixed_bfloat16", marks=pytest.mark.slow)
            for kind in ("EmbeddingModel", "DVML", "UDML")
        ),
    ],
)
def test_mixed_precision_trains_with_finite_losses(
    kind, policy, make_model, tiny_images
):
    keras.mixed_precision.set_global_policy(policy)
    try:
        model = make_model(kind)
        model.compile("adam", loss=kd.losses.NPairLoss())
        history = model.fit(*tiny_images, batch_size=40, epochs=3, verbose=0)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    for losses in history.history.values():
        assert np.isfinite(losses).all()
    assert model.predict(tiny_images[0], verbose=0).dtype == np.float32


class Noise(keras.layers.Layer):
    """Random where the training flag does not reach it, as Keras' own are."""

    def call(self, inputs, training=True):
        if not training:
            return tf.cast(inputs, tf.float32)
        return tf.cast(inputs, tf.float32) + tf.random.normal(tf.shape(inputs))


class WithinLayer(keras.layers.Layer):
    """Takes no flag itself: its inner layer has it from the call around."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.noise = Noise()

    def call(self, inputs):
        return self.noise(inputs)


def random_layers():
    yield Noise()
    yield keras.Sequential([Noise(), keras.layers.Rescaling(1 / 255)])
    yield WithinLayer()


@pytest.mark.parametrize(
    ("kind", "number"), [(kind, n % 3) for n, kind in enumerate(CONFIGS)]
)
def test_training_flag_reaches_the_layers_of_preprocessing(
    kind, number, make_model, tiny_images
):
    preprocessing = list(random_layers())[number]
    model = make_model(kind, preprocessing=preprocessing)
    model.compile("sgd", loss=kd.losses.NPairLoss(), run_eagerly=True)
    images, labels = (part[:8] for part in tiny_images)
    for measure in (
        lambda: model.evaluate(images, labels, verbose=0),
        lambda: model(images),
        lambda: model.features(images),
        lambda: tf.function(model.features)(images),
        lambda: model.predict(images, verbose=0),
    ):
        np.testing.assert_array_equal(measure(), measure())
    noisy = [model.features(images, training=True) for _ in range(2)]
    assert not np.array_equal(*noisy)
    first, second = (
        model.loss_terms(images, labels, training=True) for _ in range(2)
    )
    assert any(first[name].value != second[name].value for name in first)


def test_training_flag_reaches_the_head(tiny_backbone, tiny_images):
    class Dropping(kd.models.MetricModel):
        term_names = ("metric",)

        def feature_terms(self, features, labels, training):
            embeddings = self.embed(features, training)
            loss = self.metric_loss(labels, embeddings)
            return {"metric": kd.models.LossTerm(1.0, loss)}

    head = keras.Sequential([keras.layers.Dense(8), keras.layers.Dropout(0.9)])
    model = Dropping(tiny_backbone, head)
    images = tiny_images[0]
    assert np.any(model(images, training=True) == 0)
    assert not np.any(model(images) == 0)


@pytest.mark.parametrize(
    "name", ["metrics", "weighted_metrics", "loss_weights"]
)
def test_what_a_step_would_not_heed_is_refused(name, make_model):
    model = make_model("EmbeddingModel")
    loss = kd.losses.NPairLoss()
    with pytest.raises(ValueError, match=f"^{name} must not be given"):
        model.compile("adam", loss=loss, **{name: ["accuracy"]})
    with pytest.raises(ValueError, match="must not be given"):
        model.compile("adam", loss, ["accuracy"])
    model.compile("adam", loss=loss, **{name: None})


def test_model_that_was_saved_with_metrics_is_loaded(make_model, tmp_path):
    model = make_model("EmbeddingModel")
    keras.Model.compile(
        model, "adam", kd.losses.NPairLoss(), metrics=["accuracy"]
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.loss, kd.losses.NPairLoss)


def optimizers_of_before():
    """Those of Keras 2 that have another interface, as Addons' have too."""
    if keras_versions.KERAS_3:
        return {"adam": keras.optimizers.Adam}
    import tensorflow_addons as tfa

    return {
        "adam": keras.optimizers.legacy.Adam,
        "sgd": lambda: keras.optimizers.legacy.SGD(momentum=0.9),
        "lamb": tfa.optimizers.LAMB,
        "lookahead": lambda: tfa.optimizers.Lookahead("sgd"),
    }


@pytest.mark.parametrize("name", optimizers_of_before())
def test_model_is_loaded_and_resumed_with_any_optimizer(
    name, make_model, tiny_images, tmp_path
):
    keras.utils.set_random_seed(0)
    model = make_model("EmbeddingModel")
    optimizer = optimizers_of_before()[name]
    model.compile(optimizer(), loss=kd.losses.NPairLoss())
    batches = kd.data.balanced_batches(
        *tiny_images, classes_per_batch=4, images_per_class=5
    )
    start = model.get_weights()

    def weights_after(epochs, folder):
        model.set_weights(start)
        model.compile(optimizer(), loss=kd.losses.NPairLoss())
        kd.training.resumable_fit(
            model, batches, epochs, tmp_path / folder, verbose=0
        )
        return model.get_weights()

    expected = weights_after(2, "straight")
    weights_after(1, "resumed")
    for weight, other in zip(
        expected, weights_after(2, "resumed"), strict=True
    ):
        np.testing.assert_allclose(weight, other, atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(tiny_images[0]), model(tiny_images[0]))
    loaded.fit(*tiny_images, batch_size=20, verbose=0)


def test_fit_of_a_data_set_warns_of_nothing(make_model, tiny_images, recwarn):
    model = make_model("EmbeddingModel")
    model.compile("sgd", loss=kd.losses.NPairLoss(), run_eagerly=True)
    dataset = tf.data.Dataset.from_tensor_slices(tiny_images).batch(20)
    model.fit(dataset, verbose=0)
    batches = list(dataset)
    model.fit(
        (batch for batch in batches), steps_per_epoch=len(batches), verbose=0
    )
    warned = [one for one in recwarn if one.category is UserWarning]
    assert [str(one.message) for one in warned] == []


def test_fit_without_labels_is_refused(compiled, tiny_images):
    with pytest.raises(ValueError, match=r"batches of \(images, labels\)"):
        compiled.fit(tf.data.Dataset.from_tensors(tiny_images[0]), verbose=0)


@pytest.mark.parametrize(
    ("kind", "optimizer"),
    [
        ("EmbeddingModel", "sgd"),
        *((kind, "adam") for kind in WEIGHTS),
        *(
            pytest.param(kind, "sgd", marks=pytest.mark.slow)
            for kind in ("DVML", "UDML", "VariationalUDML")
        ),
    ],
)
def test_head_rate_multiplies_the_learning_rate_of_the_head(
    kind, optimizer, make_model, tiny_images
):
    def changes(head_rate, learning_rate):
        keras.utils.set_random_seed(0)
        model = make_model(kind, head_rate=head_rate)
        chosen = keras.optimizers.get(optimizer)
        chosen.learning_rate = learning_rate
        # The step is built alike for every model: one is enough in a graph.
        model.compile(
            chosen,
            loss=kd.losses.NPairLoss(),
            run_eagerly=kind != "EmbeddingModel",
        )
        head = model.head.trainable_weights
        parts = [*model.backbone.trainable_weights, *head]
        before = [weight.numpy() for weight in parts]
        model.fit(*tiny_images, batch_size=40, shuffle=False, verbose=0)
        after = [
            weight.numpy() - old
            for weight, old in zip(parts, before, strict=True)
        ]
        return after[: -len(head)], after[-len(head) :]

    backbone, head = changes(head_rate=10.0, learning_rate=1e-3)
    expected_backbone, _ = changes(head_rate=1.0, learning_rate=1e-3)
    _, expected_head = changes(head_rate=1.0, learning_rate=1e-2)
    for change, expected in zip(backbone, expected_backbone, strict=True):
        np.testing.assert_allclose(change, expected, atol=1e-6)
    for change, expected in zip(head, expected_head, strict=True):
        np.testing.assert_allclose(change, expected, rtol=1e-3, atol=1e-5)


def test_frozen_backbone_stays_as_it_was(
    kind, make_model, tiny_backbone, tiny_images
):
    tiny_backbone.trainable = False
    model = make_model(kind, tiny_backbone)
    model.compile("adam", loss=kd.losses.NPairLoss(), run_eagerly=True)
    before = tiny_backbone.get_weights()
    model.fit(*tiny_images, batch_size=40, verbose=0)
    for old, weight in zip(before, tiny_backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(old, weight)


def test_frozen_batch_norm_keeps_its_statistics(
    kind, make_model, tiny_backbone, tiny_images
):
    kd.models.freeze_batch_norm(tiny_backbone)
    frozen = [
        weight
        for layer in tiny_backbone.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        for weight in layer.weights
    ]
    before = [weight.numpy() for weight in frozen]
    model = make_model(kind, tiny_backbone)
    model.compile("adam", loss=kd.losses.NPairLoss(), run_eagerly=True)
    model.fit(*tiny_images, batch_size=40, verbose=0)
    assert len(frozen) == 8
    for old, weight in zip(before, frozen, strict=True):
        np.testing.assert_array_equal(old, weight.numpy())


def test_any_backbone_of_keras_applications_fits(tiny_images):
    backbone = keras.applications.MobileNetV2(
        include_top=False, pooling="avg", weights=None, input_shape=(32, 32, 3)
    )
    model = kd.models.DVML(backbone, embedding_dim=8, num_samples=2)
    model.compile(
        "adam", loss=kd.losses.MultiSimilarityLoss(), run_eagerly=True
    )
    images = np.repeat(np.repeat(tiny_images[0], 2, axis=1), 2, axis=2)
    history = model.fit(images, tiny_images[1], batch_size=40, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_backbone_needs_images_large_enough_for_its_blocks():
    with pytest.raises(ValueError, match="at least 16 for 4 blocks; received"):
        kd.models.conv_backbone(8)
