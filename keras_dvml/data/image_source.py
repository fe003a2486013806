"""One way to read images by number, whatever they come as."""

import os

import numpy as np
import tensorflow as tf

from keras_dvml.data.encoded_images import SpooledBytes
from keras_dvml.data.images import decode_images


def image_source(images, image_size=None):
    """Wraps images so that batches of them can be read by index.

    Args:
        images: one of
            - `(N, height, width, 3)` uint8 array, in memory or mapped;
            - sequence of N paths (str or `os.PathLike`);
            - sequence of N encoded images (bytes);
            - finite `tf.data.Dataset` of single images, decoded (uint8, one
              shape) or encoded; it is read once, onto disk.
        image_size: int or `None`. Height and width in pixels to decode to;
            needed for everything that is not decoded yet.

    Returns:
        `ArraySource` or `EncodedSource`.

    Raises:
        ValueError: If the images are of no such kind, or there are none.
    """
    if isinstance(images, tf.data.Dataset):
        images = _read_dataset(images)
    if isinstance(images, np.ndarray) and images.ndim == 4:
        return ArraySource(images)
    if not hasattr(images, "__getitem__") or isinstance(images, (str, bytes)):
        raise ValueError(
            "images must be a uint8 array (N, height, width, 3), a sequence "
            "of paths or of encoded images, or a tf.data.Dataset; received "
            f"{type(images).__name__}"
        )
    if not len(images):
        raise ValueError("images is empty")
    if not isinstance(images[0], (str, bytes, os.PathLike)):
        raise ValueError(
            "images must hold paths or encoded bytes; received an item of "
            f"type {type(images[0]).__name__}"
        )
    if image_size is None:
        raise ValueError(
            "image_size is needed to decode paths or encoded images"
        )
    return EncodedSource(images, image_size)


class ArraySource:
    """Reads decoded images from an array."""

    def __init__(self, images):
        if images.shape[-1] != 3 or images.dtype != np.uint8:
            raise ValueError(
                "images must be (N, height, width, 3) uint8, 0..255; received "
                f"shape {images.shape}, dtype {images.dtype}"
            )
        if not len(images):
            raise ValueError("images is empty")
        self._images = images

    def __len__(self):
        return len(self._images)

    def read(self, indices):
        """Returns the images at `(batch,)` indices as a uint8 tensor."""
        batch = tf.numpy_function(
            lambda rows: self._images[rows], [indices], tf.uint8
        )
        batch.set_shape((indices.shape[0], *self._images.shape[1:]))
        return batch


class EncodedSource:
    """Reads and decodes images from paths or encoded bytes."""

    def __init__(self, images, image_size):
        self._images = images
        self._image_size = image_size

    def __len__(self):
        return len(self._images)

    def read(self, indices):
        """Returns the images at `(batch,)` indices as a uint8 tensor."""
        image_bytes = tf.numpy_function(self._encoded, [indices], tf.string)
        image_bytes.set_shape(indices.shape)
        return decode_images(image_bytes, self._image_size)

    def _encoded(self, indices):
        rows = [self._images[index] for index in indices.tolist()]
        return np.asarray(
            [
                row if isinstance(row, bytes) else _read_file(os.fspath(row))
                for row in rows
            ],
            object,
        )


def _read_file(path):
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read()


def _read_dataset(dataset):
    spec = dataset.element_spec
    if not isinstance(spec, tf.TensorSpec) or spec.shape.rank not in (0, 3):
        raise ValueError(
            "a tf.data.Dataset of images must hold single images, decoded "
            "(height, width, 3) or encoded (scalar strings); received "
            f"elements {spec}"
        )
    rows = dataset.as_numpy_iterator()
    if spec.shape.rank == 0:
        return SpooledBytes(rows)
    if not spec.shape.is_fully_defined() or spec.dtype != tf.uint8:
        raise ValueError(
            "decoded images of a tf.data.Dataset must be uint8 and of one "
            f"known shape; received {spec}"
        )
    pixels = SpooledBytes(row.tobytes() for row in rows)
    return pixels.as_array(np.uint8, tuple(spec.shape))
