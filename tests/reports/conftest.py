"""Small sets of images that tests of the report share."""

import numpy as np
import pytest
import tensorflow as tf

from keras_dvml.reports import EmbeddingMap


@pytest.fixture(scope="session")
def make_images():
    """Returns a maker of embedded images, each of a colour of its own."""

    def make(num_classes=6, images_per_class=10, size=32, noise=0):
        random = np.random.default_rng(0)
        labels = np.repeat(np.arange(num_classes), images_per_class)
        centres = random.normal(size=(num_classes, 16))
        embeddings = centres[labels] + random.normal(size=(len(labels), 16))
        colors = random.integers(50, 206, (len(labels), 3))
        pixels = colors[:, None, None] + random.integers(
            -noise, noise + 1, (len(labels), size, size, 3)
        )
        return EmbeddingMap(
            embeddings,
            labels,
            [f"class {label}" for label in labels],
            [tf.io.encode_png(p.astype(np.uint8)).numpy() for p in pixels],
        ), colors

    return make
