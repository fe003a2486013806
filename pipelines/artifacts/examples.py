"""Reads the images of an artifact, and embeds them just as a server would."""

import io
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

_BATCH_SIZE = 256
_EMBEDDINGS_FILE = "embeddings.npz"


def example_files(
    examples: standard_artifacts.Examples, *splits: str
) -> list[str]:
    """Returns glob patterns of the files of an Examples artifact.

    Args:
        examples: the artifact.
        *splits: names of splits; all when none is given.
    """
    splits = splits or artifact_utils.decode_split_names(examples.split_names)
    return [
        io_utils.all_files_pattern(
            artifact_utils.get_split_uri([examples], split)
        )
        for split in splits
    ]


def embed_images(
    saved_model_path: str, image_bytes: Sequence[bytes]
) -> np.ndarray:
    """Runs encoded images through the model's `serving_default` signature.

    Args:
        saved_model_path: of a SavedModel that `keras_dvml.serving` wrote.
        image_bytes: N encoded images.

    Returns:
        `(N, D)` float32 array.
    """
    model = tf.saved_model.load(saved_model_path)
    embed = model.signatures["serving_default"]
    batches = []
    for start in range(0, len(image_bytes), _BATCH_SIZE):
        stop = min(start + _BATCH_SIZE, len(image_bytes))
        batch = tf.constant([image_bytes[i] for i in range(start, stop)])
        batches.append(embed(image_bytes=batch)["embedding"].numpy())
    return np.concatenate(batches)


def write_embeddings(uri: str, **arrays: np.ndarray) -> None:
    """Writes `embeddings.npz` into an artifact's folder.

    Args:
        uri: of the artifact.
        **arrays: `ids`, `embeddings` and what else there is of each image.
    """
    # Through memory: zip files seek, which remote files cannot do.
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    with fileio.open(os.path.join(uri, _EMBEDDINGS_FILE), "wb") as stream:
        stream.write(packed.getvalue())


def read_embeddings(uri: str) -> dict[str, np.ndarray]:
    """Reads what `write_embeddings` wrote."""
    with fileio.open(os.path.join(uri, _EMBEDDINGS_FILE), "rb") as stream:
        return dict(np.load(io.BytesIO(stream.read())))
