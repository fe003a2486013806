"""Run in a process of its own: a round of 60,000 images.

Prints by how many bytes the round raised the peak of the process's memory.
Argument: width of features and embeddings, 512 unless given.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

import keras_dvml as kd

width = int(sys.argv[1]) if sys.argv[1:] else 512


class GeneratedImages:
    """60,000 encoded images of which no more exist than are being read."""

    def __init__(self):
        random = np.random.default_rng(0)
        pixels = random.integers(0, 256, (1000, 8, 8, 3), np.uint8)
        self._encoded = [tf.io.encode_png(one).numpy() for one in pixels]

    def __len__(self):
        return 60_000

    def __getitem__(self, index):
        return self._encoded[index % len(self._encoded)]


def peak_bytes():
    # Not `getrusage`, which begins with the peak of the process that forked.
    with open("/proc/self/status") as status:
        peak = next(line for line in status if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024


images = keras.Input((8, 8, 3))
pixels = keras.layers.Flatten()(keras.layers.AveragePooling2D(4)(images))
backbone = keras.Model(images, keras.layers.Dense(width)(pixels))
model = kd.models.EmbeddingModel(backbone, embedding_dim=width)
model.compile("sgd", loss=kd.losses.NPairLoss())


def fit(images, epochs):
    pseudo = kd.training.PseudoLabels(
        images, num_clusters=100, every=1, image_size=8
    )
    batches = pseudo.batches(16, 5, steps_per_epoch=2)
    model.fit(batches, epochs=epochs, callbacks=[pseudo], verbose=0)


# What TensorFlow and a small round need is no part of the measurement.
source = GeneratedImages()
fit([source[index] for index in range(512)], epochs=2)
before = peak_bytes()
fit(source, epochs=2)
print(peak_bytes() - before)
