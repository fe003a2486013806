"""A labelled set of encoded images that stays on disk."""

import copy
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from keras_dvml.data import examples


def spool(rows: Iterable[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Writes rows to a temporary file that goes when it is no longer used.

    The file is mapped into memory, so pages are loaded when they are needed
    and dropped when memory is short.

    Args:
        rows: Read once.

    Returns:
        The `(bytes,)` uint8 array of all rows and the `(N + 1,)` int64 array
        of the places where they begin, the end of the last one included.
    """
    begins = [0]
    # The file has no name: it is deleted with the mapping.
    with tempfile.TemporaryFile(prefix="keras_dvml-images-") as file:
        for row in rows:
            file.write(row)
            begins.append(begins[-1] + len(row))
        file.flush()
        # An empty file cannot be mapped.
        contents = np.empty(0, np.uint8)
        if begins[-1]:
            contents = np.memmap(file, np.uint8, mode="r")
    return contents, np.asarray(begins, np.int64)


class SpooledBytes(Sequence[bytes]):
    """A sequence of byte strings kept in a temporary file.

    Args:
        rows: Read once.
    """

    def __init__(self, rows: Iterable[bytes]) -> None:
        self._contents, begins = spool(rows)
        self._begins, self._ends = begins[:-1], begins[1:]

    def __len__(self) -> int:
        return len(self._begins)

    def __getitem__(self, index: int) -> bytes:
        return self._contents[self._begins[index] : self._ends[index]].tobytes()

    def take(self, indices: ArrayLike) -> "SpooledBytes":
        """Returns the rows at `indices`, which share the file."""
        rows = copy.copy(self)
        rows._begins = self._begins[np.asarray(indices)]
        rows._ends = self._ends[np.asarray(indices)]
        return rows


class EncodedImages(NamedTuple):
    """Images as files hold them, with their ids and labels.

    Attributes:
        image_bytes: Sequence of N byte strings, encoded images.
        ids: `(N,)` array of str, sorted.
        labels: `(N,)` int64 array, or `None` when unlabelled.
        label_names: `(N,)` array of str; "" where there is no name.

    Example:
        >>> import os, tempfile
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> path = os.path.join(tempfile.mkdtemp(), "birds.gz")
        >>> with tf.io.TFRecordWriter(path, "GZIP") as writer:
        ...     example = kd.data.encode_example(b"a file", "wren.jpg")
        ...     writer.write(example.SerializeToString())
        >>> images = kd.data.load_examples(path)
        >>> images.image_bytes[0], images.labels
        (b'a file', None)
    """

    image_bytes: SpooledBytes
    ids: np.ndarray
    labels: np.ndarray | None
    label_names: np.ndarray


def load_examples(file_patterns: str | Sequence[str]) -> EncodedImages:
    """Loads TFRecord files of examples without decoding their images.

    Args:
        file_patterns: Glob patterns of GZIP TFRecord files.

    Returns:
        The images, sorted by id: the files' order, which Beam leaves open,
        does not matter.

    Raises:
        FileNotFoundError: If no file matches.
        ValueError: If an id occurs twice, some examples have labels and
            others none, or there is no example at all; or a file is broken,
            not compressed, or holds something else.

    Example:
        >>> import os, tempfile
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> path = os.path.join(tempfile.mkdtemp(), "birds.gz")
        >>> with tf.io.TFRecordWriter(path, "GZIP") as writer:
        ...     for number, name in enumerate(["wren.jpg", "robin.jpg"]):
        ...         example = kd.data.encode_example(b"a file", name, number)
        ...         writer.write(example.SerializeToString())
        >>> images = kd.data.load_examples(path)
        >>> images.ids.tolist(), images.labels.tolist()
        (['robin.jpg', 'wren.jpg'], [1, 0])
    """
    ids, labels, label_names = [], [], []

    dataset = examples.read_examples(file_patterns)

    def image_bytes() -> Iterator[bytes]:
        for row in cast("Iterator[Any]", dataset.as_numpy_iterator()):
            ids.append(row[examples.IMAGE_ID].decode())
            labels.append(row[examples.LABEL])
            label_names.append(row[examples.LABEL_NAME].decode())
            yield row[examples.IMAGE_BYTES]

    try:
        rows = SpooledBytes(image_bytes())
    except tf.errors.OpError:
        examples.check_examples(file_patterns)
        raise
    if not ids:
        raise ValueError(
            "file_patterns must match files with examples; received "
            f"{file_patterns!r}, whose files hold none"
        )
    order = np.argsort(ids, kind="stable")
    sorted_ids = np.asarray(ids)[order]
    repeated = sorted_ids[:-1][sorted_ids[:-1] == sorted_ids[1:]]
    if len(repeated):
        raise ValueError(
            f"image ids must be unique; received {str(repeated[0])!r} twice"
        )
    num_unlabelled = labels.count(examples.NO_LABEL)
    if num_unlabelled not in (0, len(labels)):
        raise ValueError(
            "all examples or none must have labels; received "
            f"{num_unlabelled} without a label among {len(labels)}"
        )
    return EncodedImages(
        image_bytes=rows.take(order),
        ids=sorted_ids,
        labels=(
            None if num_unlabelled else np.asarray(labels, np.int64)[order]
        ),
        label_names=np.asarray(label_names)[order],
    )
