"""What every loss does, and each loss against a naive loop."""

import functools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd
from keras_dvml import keras_versions

LOSSES = {
    "contrastive": kd.losses.ContrastiveLoss(margin=1.1),
    "triplet_semi_hard": kd.losses.TripletSemiHardLoss(margin=0.3),
    "triplet_hard": kd.losses.TripletHardLoss(margin=0.3),
    "triplet_hard_soft": kd.losses.TripletHardLoss(margin=None),
    "n_pair": kd.losses.NPairLoss(temperature=0.5),
    "angular": kd.losses.AngularLoss(angle=40.0),
    "lifted_structure": kd.losses.LiftedStructureLoss(margin=0.5),
    "multi_similarity": kd.losses.MultiSimilarityLoss(),
    "circle": kd.losses.CircleLoss(scale=8.0, margin=0.3),
    "histogram": kd.losses.HistogramLoss(num_bins=20),
    "margin": kd.losses.MarginLoss(boundary=1.1, margin=0.3, seed=1),
    "proxy_nca": kd.losses.ProxyNCALoss(4, 8, temperature=0.5),
    "proxy_anchor": kd.losses.ProxyAnchorLoss(4, 8, scale=8.0),
}
PROXY_LOSSES = ("proxy_nca", "proxy_anchor")


def batch(num_classes=4, num_images=4, dim=8, seed=0):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), num_images)
    embeddings = random.normal(size=(len(labels), dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return labels, embeddings.astype(np.float32)


def pairs_of(labels):
    for i, label in enumerate(labels):
        same = [j for j, b in enumerate(labels) if b == label and j != i]
        other = [j for j, b in enumerate(labels) if b != label]
        if same:
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
            farther = [d for d in negatives if d > positive]
            negative = min(farther) if farther else max(negatives)
            losses.append(max(0.0, positive - negative + margin))
    return np.mean(losses)


def hardest(labels, z):
    """Yields the gap between hardest positive and hardest negative."""
    for i, same, other in pairs_of(labels):
        positive = max(math.dist(z[i], z[j]) for j in same)
        yield positive - min(math.dist(z[i], z[j]) for j in other)


def naive_triplet_hard(labels, z, margin=0.3):
    return np.mean([max(0.0, gap + margin) for gap in hardest(labels, z)])


def naive_triplet_hard_soft(labels, z):
    return np.mean([math.log(1 + math.exp(gap)) for gap in hardest(labels, z)])


def naive_n_pair(labels, z, temperature=0.5):
    losses = []
    for i, same, other in pairs_of(labels):
        for j in same:
            gaps = [(z[i] @ z[n] - z[i] @ z[j]) / temperature for n in other]
            losses.append(math.log(1 + sum(map(math.exp, gaps))))
    return np.mean(losses)


def naive_angular(labels, z, angle=40.0):
    t = math.tan(math.radians(angle)) ** 2
    losses = []
    for i, same, other in pairs_of(labels):
        for j in same:
            total = 0.0
            for n in other:
                negative_term = 4 * t * (z[i] + z[j]) @ z[n]
                total += math.exp(negative_term - 2 * (1 + t) * z[i] @ z[j])
            losses.append(math.log(1 + total))
    return np.mean(losses)


def naive_lifted_structure(labels, z, margin=0.5):
    losses = []
    for i, same, other in pairs_of(labels):
        positive = sum(math.exp(math.dist(z[i], z[j])) for j in same)
        negative = sum(math.exp(margin - math.dist(z[i], z[j])) for j in other)
        losses.append(max(0.0, math.log(positive) + math.log(negative)))
    return np.mean(losses)


def naive_circle(labels, z, scale=8.0, m=0.3, held=None):
    """`held`: the embeddings the weights come from, constant in gradients."""
    held = z if held is None else held
    losses = []
    for i, same, other in pairs_of(labels):
        positive = negative = 0.0
        for j in same:
            alpha = max(0.0, 1 + m - held[i] @ held[j])
            positive += math.exp(-scale * alpha * (z[i] @ z[j] - (1 - m)))
        for j in other:
            alpha = max(0.0, held[i] @ held[j] + m)
            negative += math.exp(scale * alpha * (z[i] @ z[j] - m))
        losses.append(math.log(1 + positive * negative))
    return np.mean(losses)


def naive_histogram(labels, z, num_bins=20):
    nodes = np.linspace(-1, 1, num_bins + 1)

    def histogram(similarities):
        closeness = 1 - np.abs(np.subtract.outer(nodes, similarities)) * (
            num_bins / 2
        )
        return np.maximum(closeness, 0.0).mean(axis=1)

    positive, negative = [], []
    for i, same, other in pairs_of(labels):
        positive += [z[i] @ z[j] for j in same]
        negative += [z[i] @ z[j] for j in other]
    return histogram(negative) @ np.cumsum(histogram(positive))


def naive_margin(labels, z, boundary=1.1, margin=0.3, seed=1, held=None):
    """`held`: the embeddings by whose distances the negatives are drawn."""
    held = z if held is None else held
    losses = []
    for i, same, other in pairs_of(labels):
        # Positives in the order of the class circle: those after i first.
        for k, j in enumerate(sorted(same, key=lambda j: (j < i, j))):
            losses.append(math.dist(z[i], z[j]) - boundary + margin)
            near = [n for n in other if math.dist(held[i], held[n]) < 1.4]
            if near:
                n = near[drawn_place(held, i, near, uniform(len(z), seed, k))]
                losses.append(boundary - math.dist(z[i], z[n]) + margin)
    return np.mean([loss for loss in losses if loss > 0])


def drawn_place(z, i, near, point, cutoff=0.5):
    """Draws one of the negatives of row i, by the published weights."""
    dim = z.shape[1]
    weights = []
    for n in near:
        d = max(cutoff, math.dist(z[i], z[n]))
        q = d ** (dim - 2) * (1 - d * d / 4) ** ((dim - 3) / 2)
        weights.append(1 / q)
    return np.searchsorted(np.cumsum(weights), point[i] * sum(weights))


@functools.cache
def uniform(num_rows, seed, draw):
    bits = tf.random.stateless_uniform(
        [num_rows], [seed, draw], None, None, tf.uint32, alg="philox"
    )
    return (bits.numpy() >> 8) / 2**24


def unit(rows):
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def naive_proxy_nca(labels, z, temperature=0.5):
    proxies = unit(LOSSES["proxy_nca"].proxies.vectors)
    losses = []
    for label, row in zip(labels, unit(z), strict=True):
        logits = [-(math.dist(row, p) ** 2) / temperature for p in proxies]
        others = sum(math.exp(v) for c, v in enumerate(logits) if c != label)
        losses.append(-math.log(math.exp(logits[label]) / others))
    return np.mean(losses)


def naive_proxy_anchor(labels, z, alpha=8.0, delta=0.1):
    proxies = unit(LOSSES["proxy_anchor"].proxies.vectors)
    attraction, repulsion = [], []
    for c, proxy in enumerate(proxies):
        positive = negative = 0.0
        for label, row in zip(labels, unit(z), strict=True):
            if label == c:
                positive += math.exp(-alpha * (row @ proxy - delta))
            else:
                negative += math.exp(alpha * (row @ proxy + delta))
        if c in labels:
            attraction.append(math.log(1 + positive))
        repulsion.append(math.log(1 + negative))
    return np.mean(attraction) + np.mean(repulsion)


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


NAIVE = {name: globals()[f"naive_{name}"] for name in LOSSES}
# What these compute from the embeddings but hold constant in the gradient.
HOLDING = ("circle", "margin")

every_loss = pytest.mark.parametrize("name", LOSSES)
every_pair_loss = pytest.mark.parametrize(
    "name", [name for name in LOSSES if name not in PROXY_LOSSES]
)


def test_every_loss_of_the_room_is_tested():
    classes = {type(loss).__name__ for loss in LOSSES.values()}
    public = {name for name in kd.losses.__all__ if name.endswith("Loss")}
    assert public - {"MetricLoss", "ProxyLoss"} == classes


@every_loss
@pytest.mark.parametrize("seed", range(3))
def test_loss_equals_a_naive_loop(name, seed):
    labels, embeddings = batch(seed=seed)
    expected = NAIVE[name](labels, embeddings.astype(np.float64))
    actual = LOSSES[name](labels, embeddings)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


@every_loss
def test_gradient_equals_finite_differences(name):
    labels, embeddings = batch(num_classes=3, num_images=3)
    held = {"held": embeddings} if name in HOLDING else {}
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
            moved.append(NAIVE[name](labels, shifted, **held))
        numeric[index] = (moved[0] - moved[1]) / (2 * step)
    np.testing.assert_allclose(gradient, numeric, atol=2e-3)


# The draws of the margin loss belong to places in the batch.
@pytest.mark.parametrize("name", [name for name in LOSSES if name != "margin"])
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


@every_pair_loss
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
@pytest.mark.parametrize(
    "kind", ["uint8", "int8", "uint16", "int32", "uint64", "float16", "float64"]
)
def test_type_of_labels_does_not_matter(name, kind):
    labels, embeddings = batch()
    expected = LOSSES[name](labels, embeddings)
    for given in (labels.astype(kind), labels.astype(kind)[:, None]):
        np.testing.assert_array_equal(LOSSES[name](given, embeddings), expected)


@every_loss
def test_booleans_are_two_classes(name):
    labels, embeddings = batch(num_classes=2)
    np.testing.assert_array_equal(
        LOSSES[name](labels.astype(bool), embeddings),
        LOSSES[name](labels, embeddings),
    )


@every_pair_loss
def test_names_are_classes(name):
    labels, embeddings = batch()
    names = np.array(["ant", "bee", "cat", "dog"])[labels]
    expected = NAIVE[name](labels, embeddings.astype(np.float64))
    for given in (names, names.astype(object)[:, None], names.tolist()):
        np.testing.assert_allclose(
            LOSSES[name](given, embeddings), expected, rtol=1e-5
        )


@pytest.mark.parametrize("name", PROXY_LOSSES)
def test_proxy_loss_has_numbered_classes(name):
    labels, embeddings = batch()
    with pytest.raises(ValueError, match="be 0 to 3; received names"):
        LOSSES[name](labels.astype(str), embeddings)
    with pytest.raises(tf.errors.InvalidArgumentError, match="be 0 to 3"):
        LOSSES[name](labels + 0.5, embeddings)


# uint8 ends at 255, int8 at 127; float16 skips numbers from 2,048 on.
@pytest.mark.parametrize(
    ("num_classes", "kind"),
    [(256, "uint8"), (300, "uint8"), (200, "int8"), (5_000, "float16")],
)
@pytest.mark.parametrize("loss", ["ProxyAnchorLoss", "ProxyNCALoss"])
def test_proxies_may_be_more_than_a_narrow_type_counts(loss, num_classes, kind):
    labels, embeddings = batch()
    loss = getattr(kd.losses, loss)(num_classes, 8)
    np.testing.assert_array_equal(
        loss(labels.astype(kind), embeddings), loss(labels, embeddings)
    )


@every_loss
def test_labels_must_be_one_an_embedding(name):
    labels, embeddings = batch()
    one_hot = np.eye(4)[labels]
    for given, received in (
        (one_hot, r"\(16, 4\). Of one-hot labels pass tf.argmax"),
        (labels[:-1], r"shape \(15,\) for 16 embeddings"),
        (labels.reshape(4, 4), r"shape \(4, 4\)"),
        (3, r"shape \(\)"),
    ):
        with pytest.raises(ValueError, match=received):
            LOSSES[name](given, embeddings)

    @tf.function(input_signature=[tf.TensorSpec((None, 4))])
    def in_graph(labels):
        return LOSSES[name](labels, embeddings)

    with pytest.raises(ValueError, match=r"received shape \(None, 4\)"):
        in_graph(one_hot)


@every_loss
def test_config_rebuilds_the_loss(name):
    loss = LOSSES[name]
    config = keras.saving.serialize_keras_object(loss)
    rebuilt = keras.saving.deserialize_keras_object(config)
    assert type(rebuilt) is type(loss)
    assert rebuilt.get_config() == loss.get_config()


@every_loss
def test_repr_shows_the_parameters(name):
    loss = LOSSES[name]
    rebuilt = eval(repr(loss), vars(kd.losses))
    assert rebuilt.get_config() == loss.get_config()


def test_repr_is_what_one_would_write():
    loss = kd.losses.TripletSemiHardLoss(margin=0.2)
    assert repr(loss) == "TripletSemiHardLoss(margin=0.2)"


def test_sample_weights_are_refused():
    labels, embeddings = batch()
    with pytest.raises(ValueError, match="takes no sample_weight"):
        LOSSES["n_pair"](labels, embeddings, np.ones(len(labels)))


def test_embeddings_that_are_no_matrix_are_refused():
    with pytest.raises(ValueError, match=r"received shape \(4,\)"):
        LOSSES["n_pair"]([0, 0, 1, 1], np.ones(4, np.float32))


@pytest.mark.parametrize("name", PROXY_LOSSES)
def test_proxy_loss_counts_a_lone_class_and_refuses_an_unknown_one(name):
    embeddings = batch(num_classes=1)[1]
    assert np.isfinite(LOSSES[name]([2, 2, 2, 2], embeddings))
    with pytest.raises(tf.errors.InvalidArgumentError, match="0 to 3"):
        LOSSES[name]([0, 1, 2, 4], embeddings)


def test_proxy_loss_refuses_embeddings_of_another_width():
    labels, embeddings = batch(dim=5)
    with pytest.raises(ValueError, match="must be 8 wide"):
        LOSSES["proxy_nca"](labels, embeddings)


@pytest.mark.parametrize("name", PROXY_LOSSES)
def test_gradient_reaches_the_proxies(name):
    labels, embeddings = batch()
    with tf.GradientTape() as tape:
        loss = LOSSES[name](labels, embeddings)
    vectors = LOSSES[name].proxies.trainable_variables
    (gradient,) = tape.gradient(loss, keras_versions.tf_variables(vectors))
    assert np.abs(gradient).max() > 0


@pytest.mark.parametrize("num_classes", [0, 1])
def test_proxy_loss_needs_two_classes(num_classes):
    with pytest.raises(ValueError, match=f"at least 2; received {num_classes}"):
        kd.losses.ProxyAnchorLoss(num_classes, 8)


@pytest.mark.parametrize("angle", [0, 90])
def test_angle_must_be_acute(angle):
    with pytest.raises(ValueError, match=f"0 and 90 degrees; received {angle}"):
        kd.losses.AngularLoss(angle=angle)


def test_margin_loss_draws_by_its_seed():
    labels, embeddings = batch(num_classes=8)
    values = [
        float(kd.losses.MarginLoss(seed=seed)(labels, embeddings))
        for seed in (0, 0, 1)
    ]
    assert values[0] == values[1] != values[2]


# Ids that no int32 holds.
@every_pair_loss
def test_classes_may_differ_in_size_and_stand_in_any_order(name):
    labels = np.array([7, 1, 7, 3, 1, 7, 3, 7, 9, 9]) + 2**40
    embeddings = batch(num_classes=5, num_images=2)[1]
    expected = NAIVE[name](labels, embeddings.astype(np.float64))
    np.testing.assert_allclose(
        LOSSES[name](labels, embeddings), expected, rtol=1e-5
    )


@pytest.mark.parametrize(
    "name", ["triplet_hard", "triplet_semi_hard", "n_pair", "angular", "margin"]
)
def test_row_without_positive_is_a_negative_only(name):
    labels = np.array([0, 0, 1, 1, 2])
    embeddings = batch()[1][: len(labels)]
    expected = NAIVE[name](labels, embeddings.astype(np.float64))
    np.testing.assert_allclose(
        LOSSES[name](labels, embeddings), expected, rtol=1e-5
    )


@every_pair_loss
def test_large_batch_equals_a_naive_loop(name):
    # Large enough to leave the way of small matrices.
    labels, embeddings = batch(num_classes=52, num_images=5)
    expected = NAIVE[name](labels, embeddings.astype(np.float64))
    np.testing.assert_allclose(
        LOSSES[name](labels, embeddings), expected, rtol=1e-4
    )


# Distances of 1e10 between squares: what is masked must lie beyond them.
@pytest.mark.parametrize("name", ["triplet_hard", "triplet_semi_hard"])
def test_embeddings_of_any_length_keep_their_pairs(name):
    labels, embeddings = batch()
    embeddings *= 2e5
    expected = NAIVE[name](labels, embeddings.astype(np.float64))
    np.testing.assert_allclose(
        LOSSES[name](labels, embeddings), expected, rtol=1e-4
    )
