"""Run in a process of its own: one training step, split or whole.

Arguments: `whole`, `mirrored` (two logical devices) or `multi_worker` (this is
one of the processes that TF_CONFIG names); then cases, `Model:Loss` each.
Prints a JSON object from case to the loss and to the change of every weight
under SGD with rate 1, which is the gradient.
"""

import json
import sys

import numpy as np
import tensorflow as tf

mode, *cases = sys.argv[1:]
if mode == "mirrored":
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
elif mode == "multi_worker":
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
else:
    strategy = tf.distribute.get_strategy()

import keras  # noqa: E402 - devices and workers are fixed from here on

import keras_dvml as kd  # noqa: E402

MODELS = {
    "EmbeddingModel": lambda backbone: kd.models.EmbeddingModel(
        backbone, embedding_dim=8, head_rate=3.0
    ),
    "DVML": lambda backbone: kd.models.DVML(
        backbone, embedding_dim=8, num_samples=3, seed=0
    ),
    "UDML": lambda backbone: kd.models.UDML(
        backbone, embedding_dim=8, rotation_weight=1.0, rotation_batch=6
    ),
    "VariationalUDML": lambda backbone: kd.models.UDML(
        backbone,
        embedding_dim=8,
        rotation_batch=6,
        variational=True,
        num_samples=3,
        seed=0,
    ),
}


def make_model(kind, loss):
    keras.utils.set_random_seed(0)
    backbone = kd.models.conv_backbone(16, widths=(4, 8))
    # The statistics of half a batch are not those of the whole.
    kd.models.freeze_batch_norm(backbone)
    model = MODELS[kind](backbone)
    if isinstance(model, kd.models.DVML):
        model.set_phase(2)
    model.compile(keras.optimizers.SGD(1.0), loss=make_loss(loss))
    return model


def make_loss(name):
    kind = getattr(kd.losses, name)
    if kind is kd.losses.CrossBatchMemory:
        return kind(kd.losses.ContrastiveLoss(), size=40)
    return kind(5, 8) if issubclass(kind, kd.losses.ProxyLoss) else kind()


def step(kind, loss):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (20, 16, 16, 3)).astype(np.uint8)
    # Batches are sorted by class: with 5 classes of 4 images the split goes
    # through the middle of one.
    batches = kd.data.balanced_batches(
        images,
        np.arange(20) % 5,
        classes_per_batch=5,
        images_per_class=4,
        steps_per_epoch=1,
    )
    with strategy.scope():
        model = make_model(kind, loss)
    before = [weight.numpy() for weight in model.trainable_weights]
    # The second step of a memory is the first that has one.
    epochs = 2 if "Memory" in loss else 1
    history = model.fit(batches, epochs=epochs, verbose=0).history
    changes = [
        (weight.numpy() - old).tolist()
        for weight, old in zip(model.trainable_weights, before, strict=True)
    ]
    return {"loss": history["loss"][-1], "changes": changes}


print(json.dumps({case: step(*case.split(":")) for case in cases}))
