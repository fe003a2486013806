"""Changed copies of images, and whether they find their originals."""

import hashlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

import keras_dvml as kd

#: The score: share of copies whose original is the first result.
COPIES_FOUND = "copies_found@1"
NUM_COPIES = 4
_KS = (1, 10)
_BATCH_SIZE = 256
_COPY_SIZE = 160
_MIN_AREA = 0.25
_COLOR_STRENGTH = 0.3
# Not the seed of any training's augmentation.
_SEED = 2**31


def embed_images(
    saved_model_path: str, image_bytes: Sequence[bytes]
) -> np.ndarray:
    """Runs encoded images through the model's `serving_default` signature.

    Args:
        saved_model_path: of a SavedModel that `keras_dvml.serving` wrote.
        image_bytes: N encoded images.

    Returns:
        `(N, D)` float32 array.
    """
    model = tf.saved_model.load(saved_model_path)
    embed = model.signatures["serving_default"]
    batches = []
    for start in range(0, len(image_bytes), _BATCH_SIZE):
        stop = min(start + _BATCH_SIZE, len(image_bytes))
        batch = tf.constant([image_bytes[i] for i in range(start, stop)])
        batches.append(embed(image_bytes=batch)["embedding"].numpy())
    return np.concatenate(batches)


def changed_copies(image_bytes: bytes, number: int) -> list[bytes]:
    """Makes new files of random parts of an image in other colours.

    Args:
        image_bytes: an encoded image.
        number: of the image; the same number gives the same copies.

    Returns:
        JPEG files.
    """
    image = kd.data.decode_image(image_bytes, _COPY_SIZE)
    copies = []
    for copy in range(NUM_COPIES):
        seed = tf.constant([_SEED + copy, number], tf.int64)
        part = kd.data.random_resized_crop(
            image,
            seed,
            min_area=_MIN_AREA,
            # Characters are not themselves in a mirror.
            mirrored=False,
        )
        part = kd.data.random_color(part, seed, strength=_COLOR_STRENGTH)
        copies.append(tf.io.encode_jpeg(part, quality=90).numpy())
    return copies


def first_index_of_duplicate(image_bytes: Sequence[bytes]) -> np.ndarray:
    """Returns for each file the index of the first one with its content.

    Args:
        image_bytes: N encoded images.

    Returns:
        `(N,)` int array.
    """
    first = {}
    return np.asarray(
        [
            first.setdefault(hashlib.sha256(image_bytes[i]).digest(), i)
            for i in range(len(image_bytes))
        ]
    )


def copies_found(
    gallery: np.ndarray,
    copies: np.ndarray,
    originals: np.ndarray,
    first_index: np.ndarray,
) -> dict[str, np.ndarray]:
    """Returns of each copy whether it finds its original.

    An image as near as the original comes before it, so that a model which
    embeds everything alike finds nothing. Files equal to the original are the
    original.

    Args:
        gallery: `(N, dim)` float array, compared by dot product.
        copies: `(M, dim)` float array.
        originals: `(M,)` int array of indices into the gallery.
        first_index: of `first_index_of_duplicate`, for the gallery.

    Returns:
        dict of `copies_found@1` and `copies_found@10`, `(M,)` bool arrays.
    """
    similarities = copies @ gallery.T
    to_original = similarities[np.arange(len(copies)), originals]
    others = first_index[None, :] != first_index[originals][:, None]
    num_before = np.sum((similarities >= to_original[:, None]) & others, axis=1)
    return {f"copies_found@{k}": num_before < k for k in _KS}
