"""What every loss does, and each loss against a naive loop."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from losses_table import (
    HOLDING,
    LOSSES,
    NAIVE,
    PAIR_LOSSES,
    PROXY_LOSSES,
    batch,
)

import keras_dvml as kd
from keras_dvml import keras_versions

every_loss = pytest.mark.parametrize("name", LOSSES)
every_pair_loss = pytest.mark.parametrize("name", PAIR_LOSSES)


def test_every_loss_of_the_room_is_tested():
    classes = {type(loss).__name__ for loss in LOSSES.values()}
    public = {name for name in kd.losses.__all__ if name.endswith("Loss")}
    assert public - {"MetricLoss", "PairLoss", "ProxyLoss"} == classes


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
