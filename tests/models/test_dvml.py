"""DVML's terms, phase by phase, against NumPy and against each other."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

LABELS = np.repeat(np.arange(4), 2)


def quadratic_loss(labels, embeddings):
    """A metric loss simple enough to recompute: labels times coordinates."""
    labels = tf.cast(tf.reshape(labels, [-1, 1]), tf.float32)
    return tf.reduce_mean(tf.square(embeddings - 0.1 * labels))


@pytest.fixture
def images():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (8, 16, 16, 3)).astype(np.uint8)


@pytest.fixture
def model(make_model):
    model = make_model("DVML", embedding_dim=6, normalized=False)
    model.compile("sgd", loss=quadratic_loss)
    return model


EMBEDDING = {"backbone", "invariant", "mean", "log_variance"}
# Term -> the parts of the method that it trains, in phases 1 and 2.
REACHED = {
    "prior": 2 * ({"backbone", "mean", "log_variance"},),
    "reconstruction": ({"decoder"}, {"decoder", *EMBEDDING}),
    "synthetic": 2 * (EMBEDDING,),
    "invariant": 2 * ({"backbone", "invariant"},),
}


# The rotation term changes nothing of it.
@pytest.mark.parametrize("kind", ["DVML", "VariationalUDML"])
@pytest.mark.parametrize("phase", [1, 2])
@pytest.mark.parametrize("term", REACHED)
def test_each_term_trains_its_parts_in_each_phase(
    kind, phase, term, make_model, parts_reached_by, images
):
    model = make_model(kind, normalized=False)
    model.compile("sgd", loss=quadratic_loss)
    model.set_phase(phase)
    # It begins at 0, where the divergence is least.
    kernel = model.head.variation_log_variance.kernel
    kernel.assign(tf.random.stateless_uniform(kernel.shape, [0, 0]))
    reached = parts_reached_by(term, model, images, LABELS)
    assert reached == REACHED[term][phase - 1]


@pytest.mark.parametrize("kind", ["DVML", "VariationalUDML"])
def test_scale_of_the_backbones_features_changes_nothing(
    kind, make_model, tiny_images
):
    def embeddings_of(scale):
        keras.utils.set_random_seed(0)
        backbone = kd.models.conv_backbone(16, widths=(4, 8))
        scaled = keras.layers.Rescaling(scale)(backbone.output)
        model = make_model(kind, keras.Model(backbone.input, scaled))
        model.compile(keras.optimizers.SGD(0.1), loss=kd.losses.NPairLoss())
        model.fit(*tiny_images, batch_size=40, shuffle=False, verbose=0)
        return model.predict(tiny_images[0], verbose=0)

    expected = embeddings_of(1.0)
    for scale in (0.1, 1000.0):
        np.testing.assert_allclose(embeddings_of(scale), expected, atol=1e-5)


def test_reconstruction_does_not_shrink_its_target(
    model, parts_reached_by, images
):
    # With a decoder that gives 0 whatever comes in, the error is the feature
    # itself: only the target could carry gradient to the backbone.
    model.set_phase(2)
    for weight in model.decoder.trainable_variables:
        weight.assign(tf.zeros(weight.shape))
    reached = parts_reached_by("reconstruction", model, images, LABELS)
    assert reached <= {"decoder"}


def numpy_terms(model, images, synthetic):
    """The four terms of the paper, from features to losses, in NumPy."""
    features = np.asarray(model.features(images, training=False))

    def dense(layer, values):
        kernel, bias = layer.get_weights()
        return values @ kernel + bias

    invariant = dense(model.head.invariant, features)
    mean = dense(model.head.variation_mean, features)
    log_variance = dense(model.head.variation_log_variance, features)
    decoder = model.decoder
    hidden = np.tanh(dense(decoder.hidden, synthetic))
    reconstruction = dense(decoder.features, hidden)

    def metric_loss(embeddings):
        return np.mean((embeddings - 0.1 * LABELS[:, None]) ** 2)

    divergence = np.exp(log_variance) + mean**2 - log_variance - 1
    return {
        "prior": np.mean(0.5 * divergence),
        "reconstruction": np.mean((reconstruction - features[None]) ** 2),
        "synthetic": np.mean([metric_loss(draw) for draw in synthetic]),
        "invariant": metric_loss(invariant),
    }


@pytest.mark.parametrize("phase", [1, 2])
def test_every_term_equals_numpy(model, images, phase):
    model.set_phase(phase)
    # The draws that the model is about to make, from an equal random stream.
    twin = kd.models.DVML.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    features = twin.features(images, training=False)
    synthetic = np.asarray(twin.head(features, training=True).synthetic)
    assert synthetic.shape == (3, 8, 6)

    # Batch norm as at inference; the sampling layer as in training.
    model.backbone.trainable = False
    terms = model.loss_terms(images, LABELS, training=True)
    for name, expected in numpy_terms(model, images, synthetic).items():
        np.testing.assert_allclose(
            terms[name].value, expected, rtol=1e-4, err_msg=name
        )


@pytest.mark.parametrize(
    ("phase", "expected"),
    [(1, [0.01, 1.0, 0.1, 1.0]), (2, [0.01, 1.0, 0.2, 0.8])],
)
def test_weights_but_the_priors_are_the_papers_in_each_phase(
    model, images, phase, expected
):
    model.set_phase(phase)
    terms = model.loss_terms(images, LABELS, training=True)
    actual = [float(terms[name].weight) for name in model.term_names]
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_switching_phase_retraces_nothing(model, images):
    traces = []

    def counted_loss(labels, embeddings):
        traces.append(1)
        return quadratic_loss(labels, embeddings)

    model.compile("sgd", loss=counted_loss)
    model.fit(images, LABELS, batch_size=8, verbose=0)
    before = len(traces)
    model.set_phase(2)
    model.fit(images, LABELS, batch_size=8, verbose=0)
    assert len(traces) == before


def test_phase_is_saved_with_the_weights(model):
    model.set_phase(2)
    twin = kd.models.DVML.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    assert float(twin.phase.numpy()) == 2.0


def test_one_weight_holds_for_both_phases(tiny_backbone):
    model = kd.models.DVML(tiny_backbone, embedding_dim=4, prior_weight=0.3)
    assert model.get_config()["prior_weight"] == [0.3, 0.3]


@pytest.mark.parametrize("weight", [-1.0, (1.0, 2.0, 3.0), (0.5, -0.5)])
def test_weights_that_are_no_weights_are_refused(tiny_backbone, weight):
    with pytest.raises(ValueError, match="synthetic_weight must be at least 0"):
        kd.models.DVML(tiny_backbone, synthetic_weight=weight)


def test_unknown_phase_is_refused(model):
    with pytest.raises(ValueError, match="phase must be 1 or 2; received 3"):
        model.set_phase(3)


def test_generated_embeddings_scatter_around_the_invariant_part(model, images):
    draws = np.asarray(model.generate(images, 2000))
    assert draws.shape == (2000, 8, 6)
    parts = model.head(model.features(images))
    deviation = np.exp(np.asarray(parts.variation_log_variance) / 2)
    expected = np.asarray(parts.invariant + parts.variation_mean)
    # Standard error of the mean: deviation / sqrt(2000).
    np.testing.assert_allclose(
        draws.mean(axis=0), expected, atol=5 * deviation.max() / 2000**0.5
    )
    np.testing.assert_allclose(draws.std(axis=0), deviation, rtol=0.1)


def test_generating_needs_a_number(model, images):
    with pytest.raises(ValueError, match="num_samples.*received 0"):
        model.generate(images, 0)
