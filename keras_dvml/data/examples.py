"""The tf.Example contract: the only file that spells feature keys."""

from collections.abc import Sequence

import tensorflow as tf

IMAGE_BYTES = "image/encoded"
IMAGE_ID = "image/id"
LABEL = "label"
LABEL_NAME = "label/name"

#: Label of an example that has none.
NO_LABEL = -1

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
    records = tf.data.TFRecordDataset(paths, compression_type="GZIP")
    return records.map(
        lambda record: tf.io.parse_single_example(record, FEATURES),
        num_parallel_calls=tf.data.AUTOTUNE,
    )


def _bytes_feature(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
