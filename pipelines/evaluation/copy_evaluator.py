"""Measures a model where there are no labels: does a copy find its original?"""

import hashlib
import logging
import os

import apache_beam as beam
import numpy as np
import tensorflow as tf
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

import keras_dvml as kd
from pipelines.artifacts.examples import (
    embed_images,
    example_files,
    write_embeddings,
)
from pipelines.embedding.beam_embedding import (
    EmbeddingJob,
    embed_through_beam,
)
from pipelines.evaluation.blessing import (
    deserves_blessing,
    serving_paths,
    write_blessing,
)
from pipelines.evaluation.retrieval_evaluator import write_scores

#: The score: share of copies whose original is the first result.
COPIES_FOUND = "copies_found@1"
_KS = (1, 10)
_NUM_COPIES = 4
_MAX_ORIGINALS = 250
_COPY_SIZE = 160
_MIN_AREA = 0.25
_COLOR_STRENGTH = 0.3
# Not the seed of any training's augmentation.
_SEED = 2**31

logger = logging.getLogger(__name__)


@component(use_beam=True)
def CopyEvaluator(  # noqa: N802
    model: InputArtifact[standard_artifacts.Model],
    examples: InputArtifact[standard_artifacts.Examples],
    evaluation: OutputArtifact[standard_artifacts.ModelEvaluation],
    blessing: OutputArtifact[standard_artifacts.ModelBlessing],
    tolerance: Parameter[float] = None,
    code_fingerprint: Parameter[str] = "",
    baseline_model: InputArtifact[standard_artifacts.Model] = None,
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
):
    """Scores how often a changed copy of an image finds its original.

    Copies are made of images that were held out of training: a random part of
    at least a quarter of the image, in slightly other colours, as a new JPEG.
    They search among all images. This tells how well a model recognises an
    image again, not how well it finds others of its kind: without labels
    nobody knows those.

    Writes `scores.json`, `intervals.json` (score to low and high, 95% over
    the choice of originals) and `embeddings.npz` (`ids`, `embeddings`) of all
    images. Given a tolerance it blesses the model when it finds as many copies
    as the baseline does, minus the tolerance.

    Args:
        model: the trained model.
        examples: with splits `train` and `test`, the latter held out.
        evaluation: scores and embeddings.
        blessing: whether the model may be pushed.
        tolerance: in [0, 1].
        code_fingerprint: changes when the code does; only the cache reads it.
        baseline_model: the last blessed model, if there is one.
        beam_pipeline: set by TFX.
    """
    del code_fingerprint
    images = kd.data.load_examples(example_files(examples))
    held_out = kd.data.load_examples(example_files(examples, "test"))
    originals = np.flatnonzero(np.isin(images.ids, held_out.ids))
    if len(originals) > _MAX_ORIGINALS:
        chosen = np.linspace(0, len(originals) - 1, _MAX_ORIGINALS).astype(int)
        originals = originals[chosen]
    copies = [
        copy
        for number in originals
        for copy in changed_copies(images.image_bytes[number], int(number))
    ]
    twins = twin_numbers(images.image_bytes)

    judge = None if tolerance is None else baseline_model
    paths = serving_paths(model, judge)
    galleries = embed_through_beam(
        beam_pipeline,
        {
            name: EmbeddingJob(path, example_files(examples))
            for name, path in paths.items()
        },
        os.path.join(evaluation.uri, "working"),
    )
    found = {
        name: copies_found(
            galleries[name].embeddings,
            embed_images(path, copies),
            np.repeat(originals, _NUM_COPIES),
            twins,
        )
        for name, path in paths.items()
    }
    hits = found["candidate"]
    scores = {name: float(values.mean()) for name, values in hits.items()}
    # Over originals, each with all its copies, which resemble each other.
    intervals = {
        name: kd.evaluation.mean_interval(values, _NUM_COPIES)
        for name, values in hits.items()
    }
    write_scores(evaluation.uri, scores, intervals)
    write_embeddings(
        evaluation.uri,
        ids=images.ids,
        embeddings=galleries["candidate"].embeddings,
    )
    low, high = intervals[COPIES_FOUND]
    evaluation.set_string_custom_property(
        "summary",
        f"{scores[COPIES_FOUND]:.1%} ({100 * low:.1f} to {high:.1%}) of "
        f"{len(copies):,} changed copies find their original first among "
        f"{len(images.ids):,} images",
    )
    if tolerance is None:
        return
    baseline_score = difference = None
    if "baseline" in found:
        before = found["baseline"][COPIES_FOUND]
        baseline_score = float(before.mean())
        changes = hits[COPIES_FOUND].astype(float) - before
        difference = kd.evaluation.Difference(
            float(changes.mean()),
            *kd.evaluation.mean_interval(changes, _NUM_COPIES),
        )
    blessed = deserves_blessing(
        scores[COPIES_FOUND],
        baseline_score,
        tolerance,
        "Copies found",
        difference=difference,
        over="originals",
    )
    write_blessing(blessing, blessed, model, baseline_model)


def changed_copies(image_bytes: bytes, number: int) -> list[bytes]:
    """Makes new files of random parts of an image in other colours.

    Args:
        image_bytes: an encoded image.
        number: of the image; the same number gives the same copies.

    Returns:
        JPEG files.
    """
    image = kd.data.decode_image(image_bytes, _COPY_SIZE)
    copies = []
    for copy in range(_NUM_COPIES):
        seed = tf.constant([_SEED + copy, number], tf.int64)
        part = kd.data.random_resized_crop(
            image,
            seed,
            min_area=_MIN_AREA,
            # Characters are not themselves in a mirror.
            mirrored=False,
        )
        part = kd.data.random_color(part, seed, strength=_COLOR_STRENGTH)
        copies.append(tf.io.encode_jpeg(part, quality=90).numpy())
    return copies


def twin_numbers(image_bytes: list[bytes]) -> np.ndarray:
    """Numbers files by their content, so that equal files have one number.

    Args:
        image_bytes: N encoded images.

    Returns:
        `(N,)` int array: the number of the first file with the same bytes.
    """
    first = {}
    return np.asarray(
        [
            first.setdefault(hashlib.sha256(image_bytes[i]).digest(), i)
            for i in range(len(image_bytes))
        ]
    )


def copies_found(
    gallery: np.ndarray,
    copies: np.ndarray,
    originals: np.ndarray,
    twins: np.ndarray,
) -> dict[str, np.ndarray]:
    """Says of each copy whether it finds its original.

    An image as near as the original comes before it, so that a model which
    embeds everything alike finds nothing. Files equal to the original are the
    original.

    Args:
        gallery: `(N, dim)` float array, compared by dot product.
        copies: `(M, dim)` float array.
        originals: `(M,)` int array of places in the gallery.
        twins: `(N,)` int array; equal numbers are equal images.

    Returns:
        dict of `copies_found@1` and `copies_found@10`, `(M,)` bool arrays.
    """
    similarities = copies @ gallery.T
    to_original = similarities[np.arange(len(copies)), originals]
    others = twins[None, :] != twins[originals][:, None]
    num_before = np.sum((similarities >= to_original[:, None]) & others, axis=1)
    return {f"copies_found@{k}": num_before < k for k in _KS}
