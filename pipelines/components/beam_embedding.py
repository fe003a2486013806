"""Embeds the images of an Examples artifact, with as many workers as Beam has.

Workers hand their embeddings over in files: they may be other processes or
other machines.
"""

import io
import logging
import time
from collections.abc import Iterator
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow as tf

from keras_dvml.data import examples as example_keys

_BATCH_SIZE = 128
_SECONDS_BETWEEN_LINES = 3.0

logger = logging.getLogger(__name__)


class EmbeddedImages(NamedTuple):
    """Embeddings of images, in the order of their ids.

    Attributes:
        ids: `(N,)` array of str, sorted.
        embeddings: `(N, dim)` float32 array.
        labels: `(N,)` int64 array of true labels, or `None`.
    """

    ids: np.ndarray
    embeddings: np.ndarray
    labels: np.ndarray | None


class EmbedImages(beam.DoFn):
    """Embeds batches of serialised examples with a SavedModel.

    The model is loaded once a worker, not once a batch.

    Args:
        saved_model_path: of a model with the signature `serving_default` from
            `image_bytes` to `embedding`.
    """

    def __init__(self, saved_model_path: str):
        self._saved_model_path = saved_model_path

    def setup(self) -> None:
        """Loads the model, as a worker starts."""
        # What is not held is gone: a signature does not keep its model.
        self._model = tf.saved_model.load(self._saved_model_path)
        self._embed = self._model.signatures["serving_default"]
        self._num_embedded = 0
        self._last_line = time.monotonic()

    def process(self, batch: list[bytes]) -> Iterator[bytes]:
        """Yields ids, embeddings and labels of a batch, packed.

        Args:
            batch: serialised examples.
        """
        features = [
            tf.train.Example.FromString(row).features.feature for row in batch
        ]
        image_bytes = [
            feature[example_keys.IMAGE_BYTES].bytes_list.value[0]
            for feature in features
        ]
        embedded = self._embed(image_bytes=tf.constant(image_bytes))
        packed = io.BytesIO()
        np.savez(
            packed,
            ids=[
                feature[example_keys.IMAGE_ID].bytes_list.value[0].decode()
                for feature in features
            ],
            embeddings=embedded["embedding"].numpy(),
            labels=[_label(feature) for feature in features],
        )
        self._tell(len(batch))
        yield packed.getvalue()

    def _tell(self, num_images: int) -> None:
        self._num_embedded += num_images
        now = time.monotonic()
        if now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            logger.info("%s images embedded", f"{self._num_embedded:,}")


def embed_examples(
    pipeline: beam.Pipeline,
    file_patterns: list[str],
    saved_model_path: str,
    output_prefix: str,
) -> None:
    """Adds the embedding of all examples to a Beam pipeline.

    Args:
        pipeline: to add to.
        file_patterns: glob patterns of GZIP TFRecord files of examples.
        saved_model_path: as for `EmbedImages`.
        output_prefix: what the names of the written files begin with.
    """
    examples = [
        pipeline | f"Read_{number}" >> beam.io.ReadFromTFRecord(pattern)
        for number, pattern in enumerate(file_patterns)
    ]
    _ = (
        examples
        | beam.Flatten()
        # Of one size: what an image is batched with moves the last digits of
        # its embedding, and sizes that depend on the time taken would differ
        # from run to run.
        | beam.BatchElements(_BATCH_SIZE, _BATCH_SIZE)
        | beam.ParDo(EmbedImages(saved_model_path))
        | beam.io.WriteToTFRecord(output_prefix)
    )


def read_embedded(output_prefix: str) -> EmbeddedImages:
    """Reads what `embed_examples` wrote, once its pipeline has run.

    Args:
        output_prefix: as it was given there.
    """
    files = tf.io.gfile.glob(f"{output_prefix}*")
    batches = [
        np.load(io.BytesIO(row))
        for row in tf.data.TFRecordDataset(sorted(files)).as_numpy_iterator()
    ]
    ids, embeddings, labels = (
        np.concatenate([batch[key] for batch in batches])
        for key in ("ids", "embeddings", "labels")
    )
    # Beam leaves the order open.
    order = np.argsort(ids, kind="stable")
    return EmbeddedImages(
        ids=ids[order],
        embeddings=embeddings[order],
        labels=(None if example_keys.NO_LABEL in labels else labels[order]),
    )


def _label(feature) -> int:
    values = feature[example_keys.LABEL].int64_list.value
    return values[0] if values else example_keys.NO_LABEL
