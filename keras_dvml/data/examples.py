"""The tf.Example contract: the only file that spells feature keys."""

import re
from collections.abc import Sequence

import tensorflow as tf

IMAGE_BYTES = "image/encoded"
IMAGE_ID = "image/id"
LABEL = "label"
LABEL_NAME = "label/name"

#: Label of an example that has none.
NO_LABEL = -1

# What a compressed file begins with.
_GZIP = b"\x1f\x8b"

#: How a serialized example is parsed.
FEATURES = {
    IMAGE_BYTES: tf.io.FixedLenFeature([], tf.string),
    IMAGE_ID: tf.io.FixedLenFeature([], tf.string),
    LABEL: tf.io.FixedLenFeature([], tf.int64, NO_LABEL),
    LABEL_NAME: tf.io.FixedLenFeature([], tf.string, ""),
}


def encode_example(
    image_bytes: bytes,
    image_id: str,
    label: int | None = None,
    label_name: str | None = None,
) -> tf.train.Example:
    """Packs an image as it came, encoded, into a `tf.train.Example`.

    Args:
        image_bytes: The image file's content.
        image_id: Stable and unique in its data set.
        label: At least 0; `None` when unlabelled.
        label_name: Name of its class, if it has one.

    Returns:
        The example; features without a value are absent.

    Example:
        >>> import keras_dvml as kd
        >>> example = kd.data.encode_example(b"a file", "wren.jpg", label=3)
        >>> sorted(example.features.feature)
        ['image/encoded', 'image/id', 'label']
    """
    feature = {
        IMAGE_BYTES: _bytes_feature(image_bytes),
        IMAGE_ID: _bytes_feature(image_id.encode()),
    }
    if label is not None:
        feature[LABEL] = tf.train.Feature(
            int64_list=tf.train.Int64List(value=[label])
        )
    if label_name is not None:
        feature[LABEL_NAME] = _bytes_feature(label_name.encode())
    return tf.train.Example(features=tf.train.Features(feature=feature))


def read_examples(file_patterns: str | Sequence[str]) -> tf.data.Dataset:
    """Reads GZIP TFRecord files of examples, in the order of their names.

    Args:
        file_patterns: Glob patterns.

    Returns:
        Dicts with the four feature keys of this module, scalar tensors; a
        missing label is -1, a missing name "".

    Raises:
        FileNotFoundError: If no file matches.
        ValueError: If a file is not compressed.

    Example:
        >>> import os, tempfile
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> path = os.path.join(tempfile.mkdtemp(), "birds.gz")
        >>> with tf.io.TFRecordWriter(path, "GZIP") as writer:
        ...     example = kd.data.encode_example(b"a file", "wren.jpg")
        ...     writer.write(example.SerializeToString())
        >>> (row,) = kd.data.read_examples(path).as_numpy_iterator()
        >>> int(row["label"])
        -1
    """
    paths = sorted(tf.io.gfile.glob(file_patterns))
    if not paths:
        raise FileNotFoundError(
            f"file_patterns must match files; received {file_patterns!r}"
        )
    for path in paths:
        with tf.io.gfile.GFile(path, "rb") as file:
            begin = file.read(2)
        # What was closed before a record was written is empty.
        if begin not in (b"", _GZIP):
            raise ValueError(
                "file_patterns must match TFRecord files that are compressed, "
                f"as by TFRecordWriter(path, 'GZIP'); received {path!r}, which "
                "is not"
            )
    return _examples_of(paths)


def check_examples(file_patterns: str | Sequence[str]) -> None:
    """Raises where a file does not hold examples, for an error to name it.

    Args:
        file_patterns: Glob patterns.

    Raises:
        ValueError: If so.
    """
    for path in sorted(tf.io.gfile.glob(file_patterns)):
        number = 0
        try:
            for _ in _examples_of([path]):
                number += 1
        except tf.errors.OpError as error:
            raise ValueError(
                "file_patterns must match GZIP TFRecord files of examples, as "
                f"encode_example makes them; received {path!r}, which is not "
                f"readable as one behind {number} of them: "
                f"{_first_sentence(error)}"
            ) from error


def _examples_of(paths):
    records = tf.data.TFRecordDataset(paths, compression_type="GZIP")
    return records.map(
        lambda record: tf.io.parse_single_example(record, FEATURES),
        num_parallel_calls=tf.data.AUTOTUNE,
    )


def _first_sentence(error):
    """Returns an error's message without TensorFlow's names of nodes."""
    text = re.sub(r"\{\{.*?\}\}|\[\[.*|\[Op:.*", "", error.message)
    return " ".join(text.split())[:200]


def _bytes_feature(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
