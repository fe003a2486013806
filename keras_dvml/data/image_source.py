"""One way to read images by number, whatever they come as."""

import os
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import tensorflow as tf

from keras_dvml.data.encoded_images import SpooledBytes, spool
from keras_dvml.data.image_fit import ImageFit, ImageSize
from keras_dvml.data.images import decode_images

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
            - sequence of N paths (str or `os.PathLike`);
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
    if not (isinstance(images[0], _FILE) or _is_of_pillow(images[0])):
        raise ValueError(
            "images must hold paths, encoded bytes or images of Pillow; "
            f"received an item of type {type(images[0]).__name__}"
        )
    if image_size is None:
        raise ValueError(
            "image_size must be given to decode paths or encoded images; "
            "received None"
        )
    return EncodedSource(images, image_size, image_fit)


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

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns the images at `(batch,)` indices as a uint8 tensor."""
        image_bytes = tf.numpy_function(self._encoded, [indices], tf.string)
        image_bytes.set_shape(indices.shape)
        return decode_images(image_bytes, self._image_size, self._image_fit)

    def _encoded(self, indices: np.ndarray) -> np.ndarray:
        rows = [_encoded(self._images[index]) for index in indices.tolist()]
        return np.asarray(rows, object)


ImageSource = ArraySource | EncodedSource

_FILE = (str, bytes, os.PathLike)


def _is_of_pillow(image: Any) -> bool:
    # Without importing Pillow, which may not be there.
    return hasattr(image, "getbands") and hasattr(image, "convert")


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
