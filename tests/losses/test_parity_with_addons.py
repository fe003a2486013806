"""Where tensorflow-addons defines the same loss, the values agree."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_addons as tfa

import keras_dvml as kd


def batch(seed, num_classes=8, num_images=5, dim=16):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), num_images)
    embeddings = random.normal(size=(len(labels), dim)).astype(np.float32)
    return labels, tf.math.l2_normalize(embeddings, axis=1)


def assert_same(ours, theirs, labels, embeddings):
    """Compares two losses in value and gradient."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(embeddings)
        our_loss = ours(labels, embeddings)
        their_loss = theirs(labels, embeddings)
    np.testing.assert_allclose(our_loss, their_loss, rtol=1e-5)
    np.testing.assert_allclose(
        tape.gradient(our_loss, embeddings),
        tape.gradient(their_loss, embeddings),
        atol=1e-5,
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("margin", [0.2, 1.0])
def test_triplet_semi_hard_equals_addons(seed, margin):
    theirs = tfa.losses.TripletSemiHardLoss(
        margin=margin, distance_metric="squared-L2"
    )
    ours = kd.losses.TripletSemiHardLoss(margin=margin)
    assert_same(ours, theirs, *batch(seed))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("margin", [0.2, 1.0])
def test_triplet_hard_equals_addons(seed, margin):
    theirs = tfa.losses.TripletHardLoss(margin=margin, distance_metric="L2")
    assert_same(kd.losses.TripletHardLoss(margin), theirs, *batch(seed))


@pytest.mark.parametrize("seed", range(5))
def test_soft_triplet_hard_equals_addons(seed):
    theirs = tfa.losses.TripletHardLoss(soft=True, distance_metric="L2")
    assert_same(kd.losses.TripletHardLoss(margin=None), theirs, *batch(seed))


# Addons compares anchors with the other half of the batch alone, and ours
# with all negatives. So the two halves are made blind to themselves: in
# dimensions of its own, each row is far from all others of its half.
@pytest.mark.parametrize("seed", range(5))
def test_n_pair_equals_addons(seed):
    num_classes, dim = 4, 8
    random = np.random.default_rng(seed)
    apart = 40.0 * (np.eye(num_classes) - 1.0 / num_classes)
    none = np.zeros((num_classes, num_classes))
    halves = random.normal(size=(2, num_classes, dim))
    embeddings = np.vstack(
        [
            np.hstack([halves[0], apart, none]),
            np.hstack([halves[1], none, apart]),
        ]
    )
    labels = np.arange(num_classes)
    similarity = halves[0] @ halves[1].T
    theirs = [
        tfa.losses.NpairsLoss()(labels, half.astype(np.float32))
        for half in (similarity, similarity.T)
    ]
    ours = kd.losses.NPairLoss(temperature=1.0)
    np.testing.assert_allclose(
        ours(np.tile(labels, 2), embeddings), np.mean(theirs), rtol=1e-5
    )
