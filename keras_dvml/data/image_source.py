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
from keras_dvml.data.image_fit import ImageFit, ImageSize, height_and_width
from keras_dvml.data.image_headers import KINDS, begins_as_image
from keras_dvml.data.images import check_image, decode_images

# Batches of which some may be read before the step that fails.
_BATCHES_AHEAD = 64

EncodedFiles = Sequence[str | bytes | os.PathLike] | SpooledBytes | np.ndarray
Images = EncodedFiles | tf.data.Dataset | Sequence[Any]


def image_source(
    images: Images,
    image_size: ImageSize | None = None,
    image_fit: ImageFit = "crop",
) -> "ImageSource":
    """Wraps images so that batches of them can be read by index.

    Args:
        images: one of
            - `(N, height, width)`, `(N, height, width, 1)` or `(N, height,
              width, 3)` array, 0..255, uint8 or float, in memory or mapped;
            - sequence of N paths (str or `os.PathLike`), such as the column
              of a table;
            - sequence of N encoded images (bytes);
            - sequence of N images of Pillow;
            - finite `tf.data.Dataset` of single images, decoded (one shape) or
              encoded, or of pairs of these and labels, which are passed over;
              it is read once, onto disk.
        image_size: Height and width in pixels to decode to; needed for
            everything that is not decoded yet.
        image_fit: As for `decode_image`.

    Raises:
        ValueError: If the images are of no such kind, or there are none.
    """
    if isinstance(images, tf.data.Dataset):
        images = _read_dataset(images)
    images = cast(EncodedFiles, in_order(images, "images"))
    if not hasattr(images, "__getitem__") or isinstance(images, (str, bytes)):
        raise ValueError(
            "images must be an array (N, height, width, 3), a sequence "
            "of paths, of encoded images or of images of Pillow, or a "
            f"tf.data.Dataset; received {type(images).__name__}"
        )
    if not len(images):
        raise ValueError("images must hold at least one; received none")
    if isinstance(images, np.ndarray) and images.ndim in (3, 4):
        return ArraySource(images)
    if not isinstance(images, SpooledBytes):
        _check_items(images)
    if image_size is None:
        raise ValueError(
            "image_size must be given to decode paths or encoded images; "
            "received None"
        )
    return EncodedSource(images, image_size, image_fit)


def _check_items(images: EncodedFiles) -> None:
    # By index: a sequence need not end where it is asked for more than it has.
    for number in range(len(images)):
        image = images[number]
        if not (isinstance(image, _FILE) or _is_of_pillow(image)):
            raise ValueError(
                "images must hold paths, encoded bytes or images of Pillow; "
                f"received an item of type {type(image).__name__} in place "
                f"{number}"
            )


class ArraySource:
    """Reads decoded images from an array."""

    def __init__(self, images: np.ndarray) -> None:
        images = images[..., None] if images.ndim == 3 else images
        is_float = np.issubdtype(images.dtype, np.floating)
        if images.shape[-1] not in (1, 3) or not (
            images.dtype == np.uint8 or is_float
        ):
            raise ValueError(
                "images must be (N, height, width, 3) or grey, uint8 or "
                f"float, 0..255; received shape {images.shape}, dtype "
                f"{images.dtype}"
            )
        if is_float:
            _check_range(images)
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(height, width, 3) of an image."""
        return (*self._images.shape[1:3], 3)

    def errors_named(self) -> contextlib.AbstractContextManager:
        """Returns a context, in which nothing can fail for its images."""
        return contextlib.nullcontext()

    def read(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns the images at `(batch,)` indices as a uint8 tensor."""
        batch = tf.numpy_function(
            lambda rows: _as_bytes(self._images[rows]), [indices], tf.uint8
        )
        batch.set_shape((indices.shape[0], *self._images.shape[1:]))
        if self._images.shape[-1] == 1:
            batch = tf.repeat(batch, 3, axis=-1)
        return batch


class EncodedSource:
    """Reads and decodes images from paths or encoded bytes."""

    def __init__(
        self,
        images: EncodedFiles | Sequence[Any],
        image_size: ImageSize,
        image_fit: ImageFit = "crop",
    ) -> None:
        self._images = images
        self._image_size = image_size
        self._image_fit: ImageFit = image_fit
        # What was asked for last: decoding fails without saying of what.
        self._latest = collections.deque(maxlen=_BATCHES_AHEAD)

    def __len__(self) -> int:
        return len(self._images)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(height, width, 3) of an image."""
        return (*height_and_width(self._image_size), 3)

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
        return decode_images(image_bytes, self._image_size, self._image_fit)

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
        is_path = isinstance(image, (str, os.PathLike))
        path = f" {os.fspath(image)!r}," if is_path else ""
        return ValueError(
            f"images must be {KINDS} files; received in place {index}{path} "
            f"{reason}"
        )


ImageSource = ArraySource | EncodedSource

_FILE = (str, bytes, os.PathLike)


def _is_of_pillow(image: Any) -> bool:
    # Without importing Pillow, which may not be there.
    return hasattr(image, "getbands") and hasattr(image, "convert")


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
    if _is_of_pillow(image):
        # As it stands: whoever opened a file has turned it, or not.
        pixels = np.asarray(image.convert("RGB"))
        return tf.io.encode_png(pixels, compression=1).numpy()
    with tf.io.gfile.GFile(os.fspath(image), "rb") as file:
        return file.read()


def _as_bytes(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return images
    return np.rint(images).astype(np.uint8)


def _check_range(images: np.ndarray) -> None:
    # Image by image: the array may be mapped, and larger than memory.
    least = min(float(np.min(image)) for image in images)
    most = max(float(np.max(image)) for image in images)
    if not (least >= 0 and most <= 255):
        raise ValueError(
            "images must lie in 0..255; received values from "
            f"{least:g} to {most:g}"
        )
    if 0 < most <= 1:
        raise ValueError(
            "images must lie in 0..255; received values that all lie in 0..1: "
            "multiply them by 255"
        )


def _read_dataset(dataset: tf.data.Dataset) -> np.ndarray | SpooledBytes:
    spec = dataset.element_spec
    if isinstance(spec, tuple) and len(spec) == 2:
        dataset = dataset.map(lambda image, _: image)
        spec = dataset.element_spec
    if not isinstance(spec, tf.TensorSpec) or spec.shape.rank not in (0, 2, 3):
        raise ValueError(
            "images of a tf.data.Dataset must be single ones, decoded "
            "(height, width, 3) or encoded (scalar strings), with a label "
            f"each or without; received elements {dataset.element_spec}"
        )
    rows = cast("Iterator[Any]", dataset.as_numpy_iterator())
    if spec.shape.rank == 0:
        return SpooledBytes(rows)
    is_number = spec.dtype == tf.uint8 or spec.dtype.is_floating
    if not spec.shape.is_fully_defined() or not is_number:
        raise ValueError(
            "images of a tf.data.Dataset, if decoded, must be uint8 or float "
            f"and of one known shape; received {spec}"
        )
    pixels, begins = spool(row.tobytes() for row in rows)
    pixels = pixels.view(spec.dtype.as_numpy_dtype)
    return pixels.reshape((len(begins) - 1, *spec.shape))
