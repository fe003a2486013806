"""Losses over pairs that are given, instead of the labels that say them."""

import numpy as np
import pytest
import tensorflow as tf
from losses_table import HOLDING, LOSSES, NAIVE, PAIR_LOSSES, batch
from naive_pair_losses import Anchored

import keras_dvml as kd

OVER_PAIRS = [
    name for name in PAIR_LOSSES if isinstance(LOSSES[name], kd.losses.PairLoss)
]
every_loss_over_pairs = pytest.mark.parametrize("name", OVER_PAIRS)


def value_and_gradient(loss, labels, embeddings):
    embeddings = tf.constant(embeddings)
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        value = loss(labels, embeddings)
    return value, tape.gradient(value, embeddings)


OVER_CLASSES = sorted(set(PAIR_LOSSES) - set(OVER_PAIRS))


@pytest.mark.parametrize("name", OVER_CLASSES)
def test_losses_that_need_classes_refuse_pairs(name):
    pairs = kd.miners.AllMiner()([0, 0, 1], np.eye(3, dtype=np.float32))
    with pytest.raises(ValueError, match="must be class ids"):
        LOSSES[name](pairs, np.eye(3, dtype=np.float32))


@every_loss_over_pairs
def test_all_pairs_are_what_labels_say(name):
    labels, embeddings = batch()
    pairs = kd.miners.AllMiner()(labels, embeddings)
    for actual, expected in zip(
        value_and_gradient(LOSSES[name], pairs, embeddings),
        value_and_gradient(LOSSES[name], labels, embeddings),
        strict=True,
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@every_loss_over_pairs
def test_rows_that_are_no_anchors_are_compared_with(name):
    labels, embeddings = batch(num_classes=3, num_images=6)
    order = np.random.default_rng(0).permutation(len(labels))
    labels, num_anchors = Anchored(labels[order]), 6
    labels.num_anchors = num_anchors
    same = np.equal.outer(labels[:num_anchors], labels)
    positives = same & ~np.eye(*same.shape, dtype=bool)
    pairs = kd.ops.Pairs(tf.constant(positives), tf.constant(~same))
    value, gradient = value_and_gradient(LOSSES[name], pairs, embeddings)
    expected = NAIVE[name](labels, embeddings.astype(np.float64))
    np.testing.assert_allclose(value, expected, rtol=1e-5)

    assert not np.any(gradient[num_anchors:])
    held = {"held": embeddings} if name in HOLDING else {}
    for index in np.ndindex(num_anchors, 3):
        moved = []
        for step in (1e-4, -1e-4):
            shifted = embeddings.astype(np.float64)
            shifted[index] += step
            moved.append(NAIVE[name](labels, shifted, **held))
        numeric = (moved[0] - moved[1]) / 2e-4
        np.testing.assert_allclose(gradient[index], numeric, atol=2e-3)


@every_loss_over_pairs
@pytest.mark.parametrize("kind", ["positives", "negatives"])
def test_pairs_of_one_kind_alone_count_zero(name, kind):
    labels, embeddings = batch()
    pairs = kd.miners.AllMiner()(labels, embeddings)
    without = tf.zeros_like(pairs.positives)
    value, gradient = value_and_gradient(
        LOSSES[name], pairs._replace(**{kind: without}), embeddings
    )
    assert value == 0.0
    assert np.isfinite(gradient).all()


@every_loss_over_pairs
def test_miner_chooses_the_pairs(name):
    labels, embeddings = batch()
    miner = kd.miners.EasyPositiveMiner()
    loss = type(LOSSES[name])(**LOSSES[name].parameters, miner=miner)
    mined = loss(labels, embeddings)
    assert mined == LOSSES[name](miner(labels, embeddings), embeddings)
    rebuilt = type(loss).from_config(loss.get_config())
    assert repr(rebuilt) == repr(loss)
    assert rebuilt(labels, embeddings) == mined
