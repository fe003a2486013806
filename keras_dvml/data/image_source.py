"""One way to read images by number, whatever they come as."""

import collections
import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import tensorflow as tf

from keras_dvml.arguments import in_order
from keras_dvml.data.encoded_images import SpooledBytes, spool
from keras_dvml.data.image_headers import KINDS, begins_as_image
from keras_dvml.data.images import check_image, decode_images

# Batches of which some may be read before the step that fails.
_BATCHES_AHEAD = 64

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

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(height, width, 3) of an image."""
        return self._images.shape[1:]

    def errors_named(self) -> contextlib.AbstractContextManager:
        """Returns a context, in which nothing can fail for its images."""
        return contextlib.nullcontext()

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
        # What was asked for last: decoding fails without saying of what.
        self._latest = collections.deque(maxlen=_BATCHES_AHEAD)

    def __len__(self) -> int:
        return len(self._images)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(height, width, 3) of an image."""
        return (self._image_size, self._image_size, 3)

    @contextlib.contextmanager
    def errors_named(self) -> Iterator[None]:
        """Names the image for which a step over batches of them fails.

        Raises:
            ValueError: In place of TensorFlow's error, if it is for one.
        """
        try:
            yield
        except tf.errors.InvalidArgumentError as error:
            # Other steps may fail as well, and to look takes time.
            if re.search("[Dd]ecode|image", error.message):
                batches = [[], *self._latest.copy()]
                for index in dict.fromkeys(np.concatenate(batches).tolist()):
                    self._check(int(index), error)
            raise

    def read(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns the images at `(batch,)` indices as a uint8 tensor."""
        image_bytes = tf.numpy_function(self._encoded, [indices], tf.string)
        image_bytes.set_shape(indices.shape)
        return decode_images(image_bytes, self._image_size)

    def _encoded(self, indices: np.ndarray) -> np.ndarray:
        self._latest.append(indices)
        rows = [self._contents(index) for index in indices.tolist()]
        return np.asarray(rows, object)

    def _contents(self, index: int) -> bytes:
        """Returns the bytes of an image, if they begin as those of one do."""
        try:
            content = _encoded(self._images[index])
        except (OSError, tf.errors.OpError) as error:
            raise self._error(index, error) from None
        if not begins_as_image(content):
            raise self._error(index, "other bytes" if content else "no bytes")
        return content

    def _check(self, index, error):
        content = self._contents(index)
        try:
            check_image(content)
        except ValueError as reason:
            raise self._error(index, reason) from error

    def _error(self, index, reason):
        image: Any = self._images[index]
        path = "" if isinstance(image, bytes) else f" {os.fspath(image)!r},"
        return ValueError(
            f"images must be {KINDS} files; received in place {index}{path} "
            f"{reason}"
        )


ImageSource = ArraySource | EncodedSource


def check_number_of_labels(num_labels: int, source: ImageSource) -> None:
    """Raises where there is not one label an image.

    Raises:
        ValueError: If the numbers differ.
    """
    if num_labels != len(source):
        raise ValueError(
            f"labels must be one an image; received {num_labels} labels for "
            f"{len(source)} images"
        )


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
