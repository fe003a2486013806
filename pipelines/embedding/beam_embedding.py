"""Embeds the images of an Examples artifact, with as many workers as Beam has.

Workers hand their embeddings over in files: they may be other processes or
other machines.
"""

import logging
import os
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow as tf
from tfx.dsl.io import fileio

from keras_dvml.data import examples as example_keys
from pipelines.artifacts.files import pack_arrays, unpack_arrays

_BATCH_SIZE = 128
_SECONDS_BETWEEN_LINES = 3.0

logger = logging.getLogger(__name__)


class EmbeddingJob(NamedTuple):
    """Images, and the model that embeds them.

    Attributes:
        saved_model_path: of a model with the signature `serving_default` from
            `image_bytes` to `embedding`.
        file_patterns: glob patterns of GZIP TFRecord files of examples.
    """

    saved_model_path: str
    file_patterns: list[str]


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

    def __init__(self, saved_model_path: str) -> None:
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
        features = tf.io.parse_example(batch, example_keys.FEATURES)
        embedded = self._embed(image_bytes=features[example_keys.IMAGE_BYTES])
        image_ids = features[example_keys.IMAGE_ID].numpy()
        yield pack_arrays(
            ids=[image_id.decode() for image_id in image_ids],
            embeddings=embedded["embedding"].numpy(),
            labels=features[example_keys.LABEL].numpy(),
        )
        self._report(len(batch))

    def _report(self, num_images: int) -> None:
        self._num_embedded += num_images
        now = time.monotonic()
        if now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            logger.info("%s images embedded", f"{self._num_embedded:,}")


def embed_through_beam(
    pipeline: beam.Pipeline, jobs: dict[str, EmbeddingJob], working_dir: str
) -> dict[str, EmbeddedImages]:
    """Runs a Beam pipeline that embeds images.

    Args:
        pipeline: new, not yet run.
        jobs: name to images and model; there may be several of either.
        working_dir: a folder that all workers reach; deleted at the end,
            however that comes.

    Returns:
        Name to embeddings.
    """
    fileio.makedirs(working_dir)
    prefixes = {name: os.path.join(working_dir, name) for name in jobs}
    try:
        with pipeline:
            for name, job in jobs.items():
                _add_job(pipeline, name, job, prefixes[name])
        return {name: _read(prefix) for name, prefix in prefixes.items()}
    finally:
        # Of a failure too: on a full disk the records need the room.
        fileio.rmtree(working_dir)


def concatenate_by_id(parts: Iterable[EmbeddedImages]) -> EmbeddedImages:
    """Concatenates images, sorted by id.

    Args:
        parts: of different images.

    Returns:
        All of them, with labels where all have labels.
    """
    ids, embeddings, labels = zip(*parts, strict=True)
    is_labelled = all(label is not None for label in labels)
    ids = np.concatenate(ids)
    # Beam leaves the order open.
    order = np.argsort(ids, kind="stable")
    return EmbeddedImages(
        ids=ids[order],
        embeddings=np.concatenate(embeddings)[order],
        labels=np.concatenate(labels)[order] if is_labelled else None,
    )


def _add_job(
    pipeline: beam.Pipeline, name: str, job: EmbeddingJob, output_prefix: str
) -> None:
    _ = (
        pipeline
        | f"Files_{name}" >> beam.Create(job.file_patterns)
        # Joining a source for each pattern would hold all images in memory.
        | f"Read_{name}" >> beam.io.ReadAllFromTFRecord()
        # Of one size: what an image is batched with moves the last digits of
        # its embedding, and sizes that depend on the time taken would differ
        # from run to run.
        | f"Batch_{name}" >> beam.BatchElements(_BATCH_SIZE, _BATCH_SIZE)
        | f"Embed_{name}" >> beam.ParDo(EmbedImages(job.saved_model_path))
        | f"Write_{name}" >> beam.io.WriteToTFRecord(output_prefix)
    )


def _read(output_prefix: str) -> EmbeddedImages:
    parts = []
    # Beam adds the number of each file and of all files.
    files = tf.io.gfile.glob(f"{output_prefix}-?????-of-?????")
    for row in tf.data.TFRecordDataset(files).as_numpy_iterator():
        batch = unpack_arrays(bytes(row))
        labels = batch["labels"]
        if example_keys.NO_LABEL in labels:
            labels = None
        parts.append(EmbeddedImages(batch["ids"], batch["embeddings"], labels))
    return concatenate_by_id(parts)
