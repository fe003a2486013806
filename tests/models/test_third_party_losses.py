"""Models train over the losses of other packages, as they are."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_addons as tfa
import tensorflow_similarity.losses as tfsim

import keras_dvml as kd

LOSSES = {
    "addons triplet semi-hard": tfa.losses.TripletSemiHardLoss,
    "addons triplet hard": tfa.losses.TripletHardLoss,
    "addons lifted structure": tfa.losses.LiftedStructLoss,
    "addons n-pairs": tfa.losses.NpairsLoss,
    "similarity triplet": tfsim.TripletLoss,
    "similarity multi-similarity": tfsim.MultiSimilarityLoss,
    "similarity circle": tfsim.CircleLoss,
    "similarity positive-negative": tfsim.PNLoss,
}


@pytest.mark.parametrize("name", LOSSES)
def test_dvml_trains_over_the_loss(name, tiny_backbone, tiny_images):
    model = kd.models.DVML(tiny_backbone, embedding_dim=8, num_samples=3)
    model.compile("adam", loss=LOSSES[name]())
    history = model.fit(
        kd.data.balanced_batches(
            *tiny_images, classes_per_batch=8, steps_per_epoch=10
        ),
        epochs=3,
        verbose=0,
    ).history
    invariant = history["invariant_loss"]
    assert np.isfinite(invariant).all()
    assert invariant[-1] < invariant[0]


@pytest.mark.parametrize("variational", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_udml_trains_over_the_loss(
    name, variational, tiny_backbone, tiny_images
):
    model = kd.models.UDML(
        tiny_backbone, 8, variational=variational, num_samples=3
    )
    model.compile("adam", loss=LOSSES[name]())
    history = model.fit(
        kd.data.balanced_batches(
            *tiny_images, classes_per_batch=8, steps_per_epoch=10
        ),
        epochs=3,
        verbose=0,
    ).history
    assert all(np.isfinite(losses).all() for losses in history.values())
    metric = history["invariant_loss" if variational else "metric_loss"]
    assert metric[-1] < metric[0]


def test_addons_n_pairs_gets_the_similarity_matrix(tiny_backbone, tiny_images):
    model = kd.models.EmbeddingModel(tiny_backbone, embedding_dim=8)
    model.compile("adam", loss=tfa.losses.NpairsLoss())
    images, labels = tiny_images
    embeddings = model.predict(images, verbose=0)
    expected = tfa.losses.npairs_loss(
        tf.constant(labels), tf.constant(embeddings @ embeddings.T)
    )
    actual = model.evaluate(images, labels, batch_size=40, verbose=0)
    assert actual[0] == pytest.approx(float(expected), rel=1e-5)
