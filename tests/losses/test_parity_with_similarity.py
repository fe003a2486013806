"""Where tensorflow-similarity defines the same loss, the values agree.

Its circle loss adds the logarithms of positives and negatives, each with a 1
of its own, and differentiates the weights; its semi-hard triplet loss keeps
one pair of each anchor: other losses than the papers', and than ours.
"""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_similarity.losses as similarity

import keras_dvml as kd


def assert_same(ours, theirs, seed):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(8), 5)
    centres = random.normal(size=(8, 16))
    embeddings = centres[labels] + random.normal(size=(40, 16))
    embeddings = tf.constant(embeddings.astype(np.float32))
    embeddings = tf.math.l2_normalize(embeddings, axis=1)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(embeddings)
        our_loss = ours(labels, embeddings)
        their_loss = tf.reduce_mean(theirs(labels, embeddings))
    np.testing.assert_allclose(our_loss, their_loss, rtol=1e-5)
    np.testing.assert_allclose(
        tape.gradient(our_loss, embeddings),
        tape.gradient(their_loss, embeddings),
        atol=1e-5,
    )


@pytest.mark.parametrize("seed", range(5))
def test_multi_similarity_equals_similarity(seed):
    ours = kd.losses.MultiSimilarityLoss()
    assert_same(ours, similarity.MultiSimilarityLoss(), seed)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("margin", [None, 0.2, 1.0])
def test_triplet_hard_equals_similarity(seed, margin):
    theirs = similarity.TripletLoss(
        distance="euclidean",
        positive_mining_strategy="hard",
        negative_mining_strategy="hard",
        margin=margin,
    )
    assert_same(kd.losses.TripletHardLoss(margin), theirs, seed)
