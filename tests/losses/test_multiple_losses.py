"""A weighted sum of losses has what each of them has."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from losses_table import LOSSES, batch

import keras_dvml as kd


def array(variable):
    return tf.convert_to_tensor(variable).numpy()


def all_kinds(num_classes=8, embedding_dim=8):
    return kd.losses.MultipleLosses(
        [
            kd.losses.ArcFaceLoss(num_classes, embedding_dim, scale=8.0),
            kd.losses.CrossBatchMemory(kd.losses.SupConLoss(), size=60),
            kd.losses.ContrastiveLoss(miner=kd.miners.HardMiner()),
        ],
        weights=[0.1, 1.0, 2.0],
    )


def test_value_is_the_weighted_sum():
    labels, embeddings = batch()
    losses = [LOSSES["contrastive"], LOSSES["angular"]]
    values = [float(loss(labels, embeddings)) for loss in losses]
    total = kd.losses.MultipleLosses(losses, [0.5, 2.0])(labels, embeddings)
    assert float(total) == pytest.approx(0.5 * values[0] + 2 * values[1])
    total = kd.losses.MultipleLosses(losses)(labels, embeddings)
    assert float(total) == pytest.approx(sum(values))


def test_model_trains_remembers_and_saves_all_of_them(
    tiny_backbone, tiny_images, tmp_path
):
    images, labels = tiny_images
    model = kd.models.EmbeddingModel(tiny_backbone, embedding_dim=8)
    loss = all_kinds()
    model.compile("adam", loss=loss)
    before = array(loss.losses[0].proxies.vectors)
    model.fit(images, labels, batch_size=20, epochs=2, verbose=0)
    assert np.abs(array(loss.losses[0].proxies.vectors) - before).min() > 0
    assert array(loss.losses[1].memory.num_rows) == 80

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").loss
    assert repr(loaded) == repr(loss)
    for part in ("vectors", "embeddings"):
        owner = {"vectors": (0, "proxies"), "embeddings": (1, "memory")}[part]
        saved, read = (
            array(getattr(getattr(one.losses[owner[0]], owner[1]), part))
            for one in (loss, loaded)
        )
        np.testing.assert_array_equal(read, saved)


def test_new_labels_renew_proxies_and_empty_the_memory():
    labels, embeddings = batch(num_classes=2)
    loss = all_kinds(num_classes=4)
    loss.remember(labels, embeddings)
    proxies = loss.losses[0].proxies
    before = array(proxies.vectors)
    centroids = np.ones((3, 8), np.float32)
    loss.relabel(np.array([True, False, True]), centroids)
    after = array(proxies.vectors)
    np.testing.assert_allclose(after[[0, 2]], 8**-0.5, rtol=1e-5)
    np.testing.assert_array_equal(after[[1, 3]], before[[1, 3]])
    assert array(loss.losses[1].memory.num_rows) == 0
    loss.relabel(np.array([True] * 4), None)
    np.testing.assert_array_equal(array(proxies.vectors), after)
    with pytest.raises(ValueError, match="num_classes must be at least 5"):
        loss.relabel(np.array([True] * 5), None)


def test_new_centres_of_a_class_stay_apart():
    loss = kd.losses.SoftTripleLoss(2, 8, num_centers=3)
    loss.relabel(np.array([True, False]), np.ones((2, 8), np.float32))
    centers = array(loss.proxies.vectors)[:3]
    assert np.linalg.matrix_rank(centers) == 3
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    assert (centers @ centers.T).min() > 0.9


def test_pseudo_labels_renew_the_proxies(tiny_backbone, tiny_images):
    images, _ = tiny_images
    model = kd.models.UDML(tiny_backbone, embedding_dim=8)
    loss = all_kinds()
    model.compile("adam", loss=loss, run_eagerly=True)
    pseudo = kd.training.PseudoLabels(images, num_clusters=8, every=1)
    batches = pseudo.batches(classes_per_batch=4, steps_per_epoch=2)
    model.fit(batches, epochs=3, callbacks=[pseudo], verbose=0)
    # Two steps of 20 images since the last labels.
    assert array(loss.losses[1].memory.num_rows) == 40


def test_what_is_no_loss_or_no_weight_is_refused():
    loss = kd.losses.NPairLoss()
    with pytest.raises(ValueError, match="losses must be keras_dvml.losses"):
        kd.losses.MultipleLosses([])
    with pytest.raises(ValueError, match="losses must be keras_dvml.losses"):
        kd.losses.MultipleLosses([loss, "n_pair"])
    with pytest.raises(ValueError, match="weights must be 2, one a loss"):
        kd.losses.MultipleLosses([loss, loss], [1.0])
    with pytest.raises(ValueError, match="weights must be at least 0"):
        kd.losses.MultipleLosses([loss, loss], [1.0, -1.0])
