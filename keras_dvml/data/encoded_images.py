"""A labelled set of encoded images that stays on disk."""

import tempfile
from typing import NamedTuple

import numpy as np

from keras_dvml.data import examples


class EncodedImages(NamedTuple):
    """Images as files hold them, with their ids and labels.

    Attributes:
        image_bytes: sequence of N byte strings, encoded images.
        ids: `(N,)` array of str, sorted.
        labels: `(N,)` int64 array, or `None` when unlabelled.
        label_names: `(N,)` array of str; "" where there is no name.
    """

    image_bytes: "SpooledBytes"
    ids: np.ndarray
    labels: np.ndarray | None
    label_names: np.ndarray


class SpooledBytes:
    """A sequence of byte strings kept in a temporary file.

    Reading maps the file into memory, so pages are loaded when they are
    needed and dropped when memory is short.

    Args:
        rows: iterable of bytes, read once.
    """

    def __init__(self, rows):
        ends = [0]
        # The file has no name: it goes when the mapping goes.
        with tempfile.TemporaryFile(prefix="keras_dvml-images-") as file:
            for row in rows:
                file.write(row)
                ends.append(ends[-1] + len(row))
            file.flush()
            # An empty file cannot be mapped.
            self._bytes = (
                np.memmap(file, np.uint8, mode="r")
                if ends[-1]
                else np.empty(0, np.uint8)
            )
        self._ends = np.asarray(ends, np.int64)

    def __len__(self):
        return len(self._ends) - 1

    def __getitem__(self, index):
        index = range(len(self))[index]
        return self._bytes[self._ends[index] : self._ends[index + 1]].tobytes()

    def as_array(self, dtype, shape):
        """Returns all rows, each of them an array of `shape`, as one array."""
        return self._bytes.view(dtype).reshape((len(self), *shape))

    def take(self, indices):
        """Returns a sequence of the rows at `indices`, sharing the file."""
        return _Selection(self, np.asarray(indices, np.int64))


class _Selection:
    def __init__(self, rows, indices):
        self._rows = rows
        self._indices = indices

    def __len__(self):
        return len(self._indices)

    def __getitem__(self, index):
        return self._rows[int(self._indices[index])]

    def take(self, indices):
        """Returns as `SpooledBytes.take` does; one selection, not a chain."""
        return _Selection(self._rows, self._indices[indices])


def load_examples(file_patterns):
    """Loads TFRecord files of examples without decoding their images.

    Args:
        file_patterns: str or sequence of str. Glob patterns of GZIP TFRecord
            files.

    Returns:
        `EncodedImages`, sorted by id: the files' order, which Beam leaves
        open, does not matter.

    Raises:
        FileNotFoundError: If no file matches.
        ValueError: If an id occurs twice, some examples have labels and
            others none, or there is no example at all.
    """
    ids, labels, label_names = [], [], []

    def image_bytes():
        for row in examples.read_examples(file_patterns).as_numpy_iterator():
            ids.append(row[examples.IMAGE_ID].decode())
            labels.append(row[examples.LABEL])
            label_names.append(row[examples.LABEL_NAME].decode())
            yield row[examples.IMAGE_BYTES]

    rows = SpooledBytes(image_bytes())
    if not ids:
        raise ValueError(f"no examples in the files {file_patterns!r}")
    ids = np.asarray(ids)
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    repeated = ids[:-1][ids[:-1] == ids[1:]]
    if len(repeated):
        twin = str(repeated[0])
        raise ValueError(
            f"image ids must be unique; {twin!r} occurs more than once"
        )
    labels = np.asarray(labels, np.int64)[order]
    unlabelled = np.count_nonzero(labels == examples.NO_LABEL)
    if unlabelled not in (0, len(labels)):
        raise ValueError(
            f"{unlabelled} of {len(labels)} examples have no label; expected "
            "all or none"
        )
    return EncodedImages(
        image_bytes=rows.take(order),
        ids=ids,
        labels=None if unlabelled else labels,
        label_names=np.asarray(label_names)[order],
    )
