"""One way to read images by number, whatever they come as."""

import os
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import tensorflow as tf

from keras_dvml.arguments import in_order
from keras_dvml.data.encoded_images import SpooledBytes, spool
from keras_dvml.data.images import decode_images

EncodedFiles = Sequence[str | bytes | os.PathLike] | SpooledBytes | np.ndarray
Images = EncodedFiles | tf.data.Dataset


def image_source(
    images: Images, image_size: int | None = None
) -> "ImageSource":
    """Wraps images so that batches of them can be read by index.

    Args:
        images: one of
            - `(N, height, width, 3)` uint8 array, in memory or mapped;
            - sequence of N paths (str or `os.PathLike`), such as the column
              of a table;
            - sequence of N encoded images (bytes);
            - finite `tf.data.Dataset` of single images, decoded (uint8, one
              shape) or encoded; it is read once, onto disk.
        image_size: Height and width in pixels to decode to; needed for
            everything that is not decoded yet.

    Raises:
        ValueError: If the images are of no such kind, or there are none.
    """
    if isinstance(images, tf.data.Dataset):
        images = _read_dataset(images)
    images = cast(EncodedFiles, in_order(images, "images"))
    if not hasattr(images, "__getitem__") or isinstance(images, (str, bytes)):
        raise ValueError(
            "images must be a uint8 array (N, height, width, 3), a sequence "
            "of paths or of encoded images, or a tf.data.Dataset; received "
            f"{type(images).__name__}"
        )
    if not len(images):
        raise ValueError("images must hold at least one; received none")
    if isinstance(images, np.ndarray) and images.ndim == 4:
        return ArraySource(images)
    if not isinstance(images, SpooledBytes):
        _check_items(images)
    if image_size is None:
        raise ValueError(
            "image_size must be given to decode paths or encoded images; "
            "received None"
        )
    return EncodedSource(images, image_size)


def _check_items(images: EncodedFiles) -> None:
    for number, image in enumerate(images):
        if not isinstance(image, (str, bytes, os.PathLike)):
            raise ValueError(
                "images must hold paths or encoded bytes; received an item of "
                f"type {type(image).__name__} in place {number}"
            )


class ArraySource:
    """Reads decoded images from an array."""

    def __init__(self, images: np.ndarray) -> None:
        if images.shape[-1] != 3 or images.dtype != np.uint8:
            raise ValueError(
                "images must be (N, height, width, 3) uint8, 0..255; received "
                f"shape {images.shape}, dtype {images.dtype}"
            )
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns the images at `(batch,)` indices as a uint8 tensor."""
        batch = tf.numpy_function(
            lambda rows: self._images[rows], [indices], tf.uint8
        )
        batch.set_shape((indices.shape[0], *self._images.shape[1:]))
        return batch


class EncodedSource:
    """Reads and decodes images from paths or encoded bytes."""

    def __init__(self, images: EncodedFiles, image_size: int) -> None:
        self._images = images
        self._image_size = image_size

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns the images at `(batch,)` indices as a uint8 tensor."""
        image_bytes = tf.numpy_function(self._encoded, [indices], tf.string)
        image_bytes.set_shape(indices.shape)
        return decode_images(image_bytes, self._image_size)

    def _encoded(self, indices: np.ndarray) -> np.ndarray:
        rows = [_encoded(self._images[index]) for index in indices.tolist()]
        return np.asarray(rows, object)


ImageSource = ArraySource | EncodedSource


def _encoded(image: Any) -> bytes:
    if isinstance(image, bytes):
        return image
    with tf.io.gfile.GFile(os.fspath(image), "rb") as file:
        return file.read()


def _read_dataset(dataset: tf.data.Dataset) -> np.ndarray | SpooledBytes:
    spec = dataset.element_spec
    if not isinstance(spec, tf.TensorSpec) or spec.shape.rank not in (0, 3):
        raise ValueError(
            "images of a tf.data.Dataset must be single ones, decoded "
            "(height, width, 3) or encoded (scalar strings); received "
            f"elements {spec}"
        )
    rows = cast("Iterator[Any]", dataset.as_numpy_iterator())
    if spec.shape.rank == 0:
        return SpooledBytes(rows)
    if not spec.shape.is_fully_defined() or spec.dtype != tf.uint8:
        raise ValueError(
            "images of a tf.data.Dataset, if decoded, must be uint8 and of "
            f"one known shape; received {spec}"
        )
    pixels, begins = spool(row.tobytes() for row in rows)
    return pixels.reshape((len(begins) - 1, *spec.shape))
