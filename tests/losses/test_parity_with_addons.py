"""Where tensorflow-addons defines the same loss, the values agree."""

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

# The modern environment has no Addons: it ended with TensorFlow 2.15.
tfa = pytest.importorskip("tensorflow_addons")


def batch(seed, num_classes=8, num_images=5, dim=16):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), num_images)
    embeddings = random.normal(size=(len(labels), dim)).astype(np.float32)
    return labels, tf.math.l2_normalize(embeddings, axis=1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("margin", [0.2, 1.0])
def test_triplet_semi_hard_equals_addons(seed, margin):
    labels, embeddings = batch(seed)
    ours = kd.losses.TripletSemiHardLoss(margin=margin)
    theirs = tfa.losses.TripletSemiHardLoss(
        margin=margin, distance_metric="squared-L2"
    )
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
