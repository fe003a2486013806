"""A loss over the batch and what the memory holds of earlier ones."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from losses_table import LOSSES, NAIVE, batch
from naive_pair_losses import Anchored

import keras_dvml as kd

NAMES = ("contrastive", "supcon", "triplet_semi_hard")


def array(variable):
    return tf.convert_to_tensor(variable).numpy()


@pytest.mark.parametrize("name", NAMES)
def test_empty_memory_leaves_the_loss_as_it_is(name):
    labels, embeddings = batch()
    loss = kd.losses.CrossBatchMemory(LOSSES[name], size=16)
    np.testing.assert_allclose(
        loss(labels, embeddings), LOSSES[name](labels, embeddings), rtol=1e-5
    )


# A memory that is not full, and one that was filled more than once.
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("num_batches", [1, 4])
def test_each_row_is_compared_with_the_memory(name, num_batches):
    loss = kd.losses.CrossBatchMemory(LOSSES[name], size=20)
    labels, embeddings = batch(num_images=10)
    order = np.random.default_rng(0).permutation(40)
    labels, embeddings = labels[order], embeddings[order]
    for start in range(8, 8 * num_batches + 1, 8):
        rows = slice(start, start + 8)
        loss.remember(labels[rows], embeddings[rows])
    remembered = np.arange(8, 8 * (num_batches + 1))[-20:]
    rows = [*range(8), *remembered]
    compared = Anchored(labels[rows])
    compared.num_anchors = 8
    expected = NAIVE[name](compared, embeddings[rows].astype(np.float64))
    actual = loss(labels[:8], embeddings[:8])
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_the_oldest_rows_give_way():
    memory = kd.losses.Memory(size=5)
    memory.build((None, 1))
    for start in (0, 3, 6):
        rows = np.arange(start, start + 3)
        memory.append(rows, rows[:, None])
    assert array(memory.labels).tolist() == [5, 6, 7, 8, 4]
    assert array(memory.embeddings)[:, 0].tolist() == [5, 6, 7, 8, 4]
    memory.clear()
    assert array(memory.num_rows) == 0
    assert array(memory.num_steps) == 3


def test_memory_takes_part_after_the_warm_up():
    labels, embeddings = batch()
    plain = LOSSES["supcon"](labels, embeddings)
    loss = kd.losses.CrossBatchMemory(LOSSES["supcon"], size=16, warm_up=2)
    loss.remember(labels, embeddings)
    np.testing.assert_allclose(loss(labels, embeddings), plain, rtol=1e-5)
    loss.remember(labels, embeddings)
    assert abs(loss(labels, embeddings) - plain) > 0.01


def test_miner_chooses_in_the_memory_too():
    labels, embeddings = batch(num_classes=4, num_images=6)
    losses = [
        kd.losses.CrossBatchMemory(
            kd.losses.TripletHardLoss(margin=0.2, miner=miner), size=16
        )
        for miner in (None, kd.miners.HardMiner())
    ]
    for loss in losses:
        loss.remember(labels[8:], embeddings[8:])
    by_loss, by_miner = (loss(labels[:8], embeddings[:8]) for loss in losses)
    assert by_loss == by_miner > 0


@pytest.mark.parametrize(
    "kind", ["EmbeddingModel", pytest.param("DVML", marks=pytest.mark.slow)]
)
def test_models_remember_what_they_trained_on(
    kind, tiny_backbone, tiny_images, tmp_path
):
    images, labels = tiny_images
    model = getattr(kd.models, kind)(tiny_backbone, embedding_dim=8)
    loss = kd.losses.CrossBatchMemory(kd.losses.SupConLoss(), size=60)
    model.compile("adam", loss=loss)
    model.fit(images, labels, batch_size=20, epochs=2, verbose=0)
    assert array(loss.memory.num_rows) == 80
    norms = np.linalg.norm(array(loss.memory.embeddings), axis=1)
    np.testing.assert_allclose(norms, 1.0, rtol=1e-5)
    model.evaluate(images, labels, batch_size=20, verbose=0)
    assert array(loss.memory.num_rows) == 80

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for name in ("embeddings", "labels", "num_rows", "num_steps"):
        np.testing.assert_array_equal(
            array(getattr(loaded.loss.memory, name)),
            array(getattr(loss.memory, name)),
        )
    assert repr(loaded.loss) == repr(loss)
    model.compile("adam", loss=kd.losses.SupConLoss())
    assert model.memory is None


def test_compiled_by_xla_it_equals_eager():
    labels, embeddings = batch()

    def values(compiler):
        loss = kd.losses.CrossBatchMemory(kd.losses.SupConLoss(), size=20)
        # Its weights must not be made while it is compiled.
        loss.remember(labels, embeddings)

        @compiler
        def step(labels, embeddings):
            value = loss(labels, embeddings)
            loss.remember(labels, embeddings)
            return value

        rows = tf.constant(labels), tf.constant(embeddings)
        return [float(step(*rows)) for _ in range(3)]

    compiled = values(tf.function(jit_compile=True))
    np.testing.assert_allclose(compiled, values(lambda f: f), rtol=1e-4)


@pytest.mark.slow
def test_compiled_step_equals_eager(tiny_images):
    def losses(**arguments):
        keras.utils.set_random_seed(0)
        backbone = kd.models.conv_backbone(16, widths=(4, 8))
        model = kd.models.EmbeddingModel(backbone, embedding_dim=8)
        miner = kd.miners.MultiSimilarityMiner()
        loss = kd.losses.CrossBatchMemory(
            kd.losses.SupConLoss(miner=miner), size=60
        )
        model.compile(keras.optimizers.SGD(0.1), loss=loss, **arguments)
        return model.fit(
            *tiny_images, batch_size=20, epochs=3, shuffle=False, verbose=0
        ).history["loss"]

    np.testing.assert_allclose(
        losses(jit_compile=True), losses(run_eagerly=True), rtol=1e-3
    )


def test_run_is_resumed_with_its_memory(tiny_images, tmp_path):
    class Killed(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == 4:
                raise KeyboardInterrupt

    def fit(folder, callbacks=()):
        keras.utils.set_random_seed(0)
        backbone = kd.models.conv_backbone(16, widths=(4, 8))
        model = kd.models.EmbeddingModel(backbone, embedding_dim=8)
        loss = kd.losses.CrossBatchMemory(kd.losses.SupConLoss(), size=60)
        model.compile("adam", loss=loss)
        batches = kd.data.balanced_batches(
            *tiny_images, classes_per_batch=4, steps_per_epoch=2
        )
        kd.training.resumable_fit(
            model,
            batches,
            3,
            tmp_path / folder,
            callbacks=callbacks,
            save_every=1,
            verbose=0,
        )
        return model

    with pytest.raises(KeyboardInterrupt):
        fit("killed", [Killed()])
    for actual, expected in zip(
        fit("killed").weights, fit("whole").weights, strict=True
    ):
        np.testing.assert_array_equal(array(actual), array(expected))


def test_memory_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="must be a loss over pairs"):
        kd.losses.CrossBatchMemory(kd.losses.AngularLoss())
    with pytest.raises(ValueError, match="size must be at least 1"):
        kd.losses.CrossBatchMemory(kd.losses.SupConLoss(), size=0)
    with pytest.raises(ValueError, match="warm_up must be at least 0"):
        kd.losses.CrossBatchMemory(kd.losses.SupConLoss(), warm_up=-1)
    loss = kd.losses.CrossBatchMemory(kd.losses.SupConLoss(), size=3)
    with pytest.raises(ValueError, match="that of a batch, 16; received 3"):
        loss.remember(*batch())
