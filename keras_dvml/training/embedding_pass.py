"""All images embedded once, in their own order."""

import keras
import numpy as np

from keras_dvml.data.batches import batches_in_order


def embed_all(embed, source, batch_size, progress):
    """Embeds every image; only a few batches of them are decoded at a time.

    Args:
        embed: function from `(batch, height, width, 3)` uint8 images to
            `(batch, dim)` float32 vectors.
        source: `ArraySource` or `EncodedSource` of N images.
        batch_size: int >= 1. Images embedded at once.
        progress: bool. Whether to show a progress bar.

    Returns:
        `(N, dim)` float32 array.
    """
    bar = keras.utils.Progbar(
        len(source), verbose=int(progress), unit_name="image"
    )
    embeddings, done = None, 0
    for images in batches_in_order(source, batch_size):
        batch = embed(images).numpy()
        if embeddings is None:
            # Filled in place: a list of batches would need the memory twice.
            embeddings = np.empty((len(source), batch.shape[1]), np.float32)
        embeddings[done : done + len(batch)] = batch
        done += len(batch)
        bar.update(done)
    return embeddings
