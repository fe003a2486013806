"""The tf.Example contract: the only file that spells feature keys."""

import tensorflow as tf

IMAGE_BYTES = "image/encoded"
IMAGE_ID = "image/id"
LABEL = "label"
LABEL_NAME = "label/name"

#: Label of an example that has none.
NO_LABEL = -1

_FEATURES = {
    IMAGE_BYTES: tf.io.FixedLenFeature([], tf.string),
    IMAGE_ID: tf.io.FixedLenFeature([], tf.string),
    LABEL: tf.io.FixedLenFeature([], tf.int64, NO_LABEL),
    LABEL_NAME: tf.io.FixedLenFeature([], tf.string, ""),
}


def encode_example(image_bytes, image_id, label=None, label_name=None):
    """Packs an image as it came, encoded, into a `tf.train.Example`.

    Args:
        image_bytes: bytes. The image file's content.
        image_id: str. Stable and unique in its data set.
        label: int >= 0, or `None` when unlabelled.
        label_name: str or `None`.

    Returns:
        `tf.train.Example`; features without a value are absent.
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


def read_examples(file_patterns):
    """Reads GZIP TFRecord files of examples, in the order of their names.

    Args:
        file_patterns: str or sequence of str. Glob patterns.

    Returns:
        `tf.data.Dataset` of dicts with the four feature keys of this module,
        scalar tensors; a missing label is -1, a missing name "".

    Raises:
        FileNotFoundError: If no file matches.
    """
    paths = sorted(tf.io.gfile.glob(file_patterns))
    if not paths:
        raise FileNotFoundError(f"no example files match {file_patterns!r}")
    records = tf.data.TFRecordDataset(paths, compression_type="GZIP")
    return records.map(
        lambda record: tf.io.parse_single_example(record, _FEATURES),
        num_parallel_calls=tf.data.AUTOTUNE,
    )


def _bytes_feature(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
