"""Run in a process of its own: batches that two replicas share unevenly.

Prints a JSON object: for each kind of model what `fit`, `evaluate` and
`predict` give on one device and on two; then what a refused batch size is
told, and the loss of a fit after that.
"""

import json

import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)

import keras  # noqa: E402 - devices are fixed from here on

import keras_dvml as kd  # noqa: E402

random = np.random.default_rng(0)
images = random.integers(0, 256, (23, 16, 16, 3)).astype(np.uint8)
# Narrow ones, which are not added up over replicas as they are.
labels = (np.arange(23) // 4).astype(np.uint8)
names = np.array([f"class {label}" for label in labels])


def make_model(kind):
    keras.utils.set_random_seed(0)
    backbone = kd.models.conv_backbone(16, widths=(4, 8))
    # The statistics of half a batch are not those of the whole.
    kd.models.freeze_batch_norm(backbone)
    arguments = {"num_samples": 3, "seed": 0} if kind == "DVML" else {}
    model = getattr(kd.models, kind)(backbone, embedding_dim=8, **arguments)
    loss = kd.losses.TripletSemiHardLoss()
    model.compile(keras.optimizers.SGD(0.1), loss=loss)
    return model


def results(kind, strategy):
    with strategy.scope():
        model = make_model(kind)
    # The last batch has 11 images; of 12 and 11 evaluate leaves one over.
    history = model.fit(
        images,
        labels,
        batch_size=12,
        shuffle=False,
        validation_data=(images, labels),
        validation_batch_size=22,
        verbose=0,
    ).history
    by_name = tf.data.Dataset.from_tensor_slices((images, names)).batch(11)
    return {
        "history": [history[name][0] for name in sorted(history)],
        "weights": np.concatenate(
            # Keras 2 counts what its metrics keep among the weights.
            [weight.numpy().ravel() for weight in model.trainable_weights]
        ).tolist(),
        "scores": np.ravel(model.evaluate(by_name, verbose=0)).tolist(),
        "embeddings": model.predict(images, batch_size=11, verbose=0).tolist(),
    }


one = tf.distribute.get_strategy()
two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
printed = {
    kind: [results(kind, strategy) for strategy in (one, two)]
    for kind in ("EmbeddingModel", "DVML")
}
with two.scope():
    model = make_model("EmbeddingModel")
try:
    model.fit(images, labels, batch_size=22, verbose=0)
except ValueError as error:
    printed["refused"] = str(error)
printed["after"] = model.fit(images, labels, verbose=0).history["loss"]
print(json.dumps(printed))
