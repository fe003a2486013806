"""All images embedded once, in their own order."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from keras_dvml.data.batches import batches_in_order
from keras_dvml.data.image_source import ImageSource


def embed_all(
    embed: Callable[[tf.Tensor], tf.Tensor],
    source: ImageSource,
    batch_size: int,
    progress: bool,
) -> np.ndarray:
    """Embeds every image; only a few batches of them are decoded at a time.

    Args:
        embed: function from `(batch, height, width, 3)` uint8 images to
            `(batch, dim)` float32 vectors.
        source: `ArraySource` or `EncodedSource` of N >= 1 images.
        batch_size: >= 1. Images embedded at once.
        progress: Whether to show a progress bar.

    Returns:
        `(N, dim)` float32 array.
    """
    bar = keras.utils.Progbar(
        len(source), verbose=int(progress), unit_name="image"
    )
    embeddings, done = np.empty((0, 0)), 0
    with source.errors_named():
        for images in batches_in_order(source, batch_size):
            batch = embed(images).numpy()
            if not done:
                # Filled in place: a list of batches would need it twice.
                embeddings = np.empty((len(source), batch.shape[1]), np.float32)
            embeddings[done : done + len(batch)] = batch
            done += len(batch)
            bar.update(done)
    return embeddings
