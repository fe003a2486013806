"""What every loss does, and each loss against a naive loop."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

LOSSES = {
    "contrastive": kd.losses.ContrastiveLoss(margin=1.1),
    "triplet_semi_hard": kd.losses.TripletSemiHardLoss(margin=0.3),
    "n_pair": kd.losses.NPairLoss(temperature=0.5),
    "multi_similarity": kd.losses.MultiSimilarityLoss(),
}


def batch(num_classes=4, num_images=4, dim=8, seed=0):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), num_images)
    embeddings = random.normal(size=(len(labels), dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return labels, embeddings.astype(np.float32)


def pairs_of(labels):
    for i, one in enumerate(labels):
        same = [j for j, b in enumerate(labels) if b == one and j != i]
        other = [j for j, b in enumerate(labels) if b != one]
        yield i, same, other


def naive_contrastive(labels, z, margin=1.1):
    positive, negative = [], []
    for i, same, other in pairs_of(labels):
        positive += [math.dist(z[i], z[j]) ** 2 for j in same]
        gaps = [margin - math.dist(z[i], z[j]) for j in other]
        negative += [gap**2 for gap in gaps if gap > 0]
    return np.mean(positive) + np.mean(negative)


def naive_triplet_semi_hard(labels, z, margin=0.3):
    losses = []
    for i, same, other in pairs_of(labels):
        negatives = [math.dist(z[i], z[j]) ** 2 for j in other]
        for j in same:
            positive = math.dist(z[i], z[j]) ** 2
            farther = [one for one in negatives if one > positive]
            negative = min(farther) if farther else max(negatives)
            losses.append(max(0.0, positive - negative + margin))
    return np.mean(losses)


def naive_n_pair(labels, z, temperature=0.5):
    losses = []
    for i, same, other in pairs_of(labels):
        for j in same:
            gaps = [(z[i] @ z[n] - z[i] @ z[j]) / temperature for n in other]
            losses.append(math.log(1 + sum(map(math.exp, gaps))))
    return np.mean(losses)


def naive_multi_similarity(labels, z, alpha=2, beta=40, lam=0.5, eps=0.1):
    losses = []
    for i, same, other in pairs_of(labels):
        positive = [float(z[i] @ z[j]) for j in same]
        negative = [float(z[i] @ z[j]) for j in other]
        hard_positive = [s for s in positive if s < max(negative) + eps]
        hard_negative = [s for s in negative if s > min(positive) - eps]
        attraction = sum(math.exp(-alpha * (s - lam)) for s in hard_positive)
        repulsion = sum(math.exp(beta * (s - lam)) for s in hard_negative)
        losses.append(
            math.log(1 + attraction) / alpha + math.log(1 + repulsion) / beta
        )
    return np.mean(losses)


NAIVE = {
    "contrastive": naive_contrastive,
    "triplet_semi_hard": naive_triplet_semi_hard,
    "n_pair": naive_n_pair,
    "multi_similarity": naive_multi_similarity,
}

every_loss = pytest.mark.parametrize("name", LOSSES)


def test_every_loss_of_the_room_is_tested():
    classes = {type(loss).__name__ for loss in LOSSES.values()}
    public = {one for one in vars(kd.losses) if one.endswith("Loss")}
    assert public - {"MetricLoss"} == classes


@every_loss
@pytest.mark.parametrize("seed", range(3))
def test_loss_equals_a_naive_loop(name, seed):
    labels, embeddings = batch(seed=seed)
    expected = NAIVE[name](labels, embeddings.astype(np.float64))
    actual = LOSSES[name](labels, embeddings)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


@every_loss
def test_gradient_equals_finite_differences(name):
    labels, embeddings = batch(num_classes=3, num_images=2, dim=3)
    values = tf.Variable(embeddings)
    with tf.GradientTape() as tape:
        loss = LOSSES[name](labels, values)
    gradient = tape.gradient(loss, values).numpy()
    step = 1e-4
    numeric = np.zeros_like(gradient)
    for index in np.ndindex(*embeddings.shape):
        moved = []
        for sign in (1, -1):
            shifted = embeddings.astype(np.float64)
            shifted[index] += sign * step
            moved.append(NAIVE[name](labels, shifted))
        numeric[index] = (moved[0] - moved[1]) / (2 * step)
    np.testing.assert_allclose(gradient, numeric, atol=2e-3)


@every_loss
def test_loss_does_not_depend_on_the_order_of_the_batch(name):
    labels, embeddings = batch()
    order = np.random.default_rng(1).permutation(len(labels))
    np.testing.assert_allclose(
        LOSSES[name](labels[order], embeddings[order]),
        LOSSES[name](labels, embeddings),
        rtol=1e-5,
    )


@every_loss
def test_labels_may_be_a_column(name):
    labels, embeddings = batch()
    np.testing.assert_allclose(
        LOSSES[name](labels[:, None], embeddings),
        LOSSES[name](labels, embeddings),
    )


@every_loss
@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [5, 5, 5, 5]])
def test_batch_without_positive_or_negative_pairs_counts_zero(name, labels):
    embeddings = tf.Variable(batch(num_classes=1)[1])
    with tf.GradientTape() as tape:
        loss = LOSSES[name](labels, embeddings)
    assert loss == 0.0
    assert np.isfinite(tape.gradient(loss, embeddings)).all()


@every_loss
def test_identical_embeddings_give_finite_gradients(name):
    labels, _ = batch()
    embeddings = tf.Variable(tf.ones((len(labels), 8)) / math.sqrt(8))
    with tf.GradientTape() as tape:
        loss = LOSSES[name](labels, embeddings)
    assert np.isfinite(tape.gradient(loss, embeddings)).all()


@every_loss
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_close_to_float32(name, dtype):
    labels, embeddings = batch()
    half = LOSSES[name](labels, tf.cast(embeddings, dtype))
    assert half.dtype == tf.float32
    # bfloat16 has 8 bits of precision; mining may flip near-ties.
    np.testing.assert_allclose(half, LOSSES[name](labels, embeddings), rtol=0.1)


@every_loss
def test_compiled_by_xla_it_equals_eager(name):
    labels, embeddings = batch()
    labels = tf.constant(labels)

    def value_and_gradient(embeddings):
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            loss = LOSSES[name](labels, embeddings)
        return loss, tape.gradient(loss, embeddings)

    embeddings = tf.constant(embeddings)
    compiled = tf.function(value_and_gradient, jit_compile=True)
    for actual, expected in zip(
        compiled(embeddings), value_and_gradient(embeddings), strict=True
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6)


@every_loss
def test_steps_with_one_batch_size_trace_once(name):
    traces = []

    @tf.function
    def step(labels, embeddings):
        traces.append(1)
        return LOSSES[name](labels, embeddings)

    for seed in range(3):
        labels, embeddings = batch(seed=seed)
        step(tf.constant(labels), tf.constant(embeddings))
    assert len(traces) == 1


@every_loss
def test_config_rebuilds_the_loss(name):
    loss = LOSSES[name]
    config = keras.saving.serialize_keras_object(loss)
    rebuilt = keras.saving.deserialize_keras_object(config)
    assert type(rebuilt) is type(loss)
    assert rebuilt.get_config() == loss.get_config()


def test_sample_weights_are_refused():
    labels, embeddings = batch()
    with pytest.raises(ValueError, match="takes no sample_weight"):
        LOSSES["n_pair"](labels, embeddings, np.ones(len(labels)))


def test_embeddings_that_are_no_matrix_are_refused():
    with pytest.raises(ValueError, match=r"received shape \(4,\)"):
        LOSSES["n_pair"]([0, 0, 1, 1], np.ones(4, np.float32))
