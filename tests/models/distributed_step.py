"""Run in a process of its own: one training step, split or whole.

Prints the loss and every gradient (as the change that SGD with rate 1 makes),
as JSON, for the tests to compare.
"""

import json
import sys

import numpy as np
import tensorflow as tf

num_devices = int(sys.argv[1])
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * num_devices,
)

import keras  # noqa: E402 - devices are fixed once Keras is there

import keras_dvml as kd  # noqa: E402


def make_model(kind, loss):
    keras.utils.set_random_seed(0)
    backbone = kd.models.conv_backbone(16, widths=(4, 8))
    # The statistics of half a batch are not those of the whole.
    kd.models.freeze_batch_norm(backbone)
    if kind == "DVML":
        model = kd.models.DVML(backbone, embedding_dim=8, num_samples=3, seed=0)
        model.set_phase(2)
    else:
        model = kd.models.EmbeddingModel(backbone, embedding_dim=8)
    model.compile(keras.optimizers.SGD(1.0), loss=getattr(kd.losses, loss)())
    return model


def main(kind, loss):
    random = np.random.default_rng(0)
    # Classes are spread over the halves: most positive pairs are split.
    labels = np.tile(np.arange(5), 4)
    images = random.integers(0, 256, (20, 16, 16, 3)).astype(np.uint8)
    batch = tf.data.Dataset.from_tensors((images, labels)).unbatch().batch(20)
    if num_devices == 1:
        model = make_model(kind, loss)
    else:
        devices = [f"CPU:{number}" for number in range(num_devices)]
        strategy = tf.distribute.MirroredStrategy(
            devices,
            cross_device_ops=tf.distribute.ReductionToOneDevice(),
        )
        with strategy.scope():
            model = make_model(kind, loss)
    before = [weight.numpy() for weight in model.trainable_weights]
    history = model.fit(batch, epochs=1, verbose=0).history
    changes = [
        (weight.numpy() - old).tolist()
        for weight, old in zip(model.trainable_weights, before, strict=True)
    ]
    print(json.dumps({"loss": history["loss"][0], "changes": changes}))


main(*sys.argv[2:4])
