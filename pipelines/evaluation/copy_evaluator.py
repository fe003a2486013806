"""Measures a model where there are no labels: does a copy find its original?"""

import os

import numpy as np
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

import keras_dvml as kd
from pipelines.artifacts.annotations import (
    SET_BY_TFX,
    BeamPipeline,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from pipelines.artifacts.evaluations import read_arrays, write_evaluation
from pipelines.artifacts.examples import example_files, load_images
from pipelines.embedding.beam_embedding import (
    EmbeddingJob,
    embed_through_beam,
)
from pipelines.evaluation.blessing import (
    Rival,
    find_fault,
    serving_paths,
    write_blessing,
)
from pipelines.evaluation.copies import (
    COPIES_FOUND,
    NUM_COPIES,
    changed_copies,
    copies_found,
    embed_images,
    first_index_of_duplicate,
)

_MAX_ORIGINALS = 250


@component(use_beam=True)
def CopyEvaluator(  # noqa: N802
    model: InputArtifact[standard_artifacts.Model],
    examples: InputArtifact[standard_artifacts.Examples],
    evaluation: OutputArtifact[standard_artifacts.ModelEvaluation],
    blessing: OutputArtifact[standard_artifacts.ModelBlessing],
    tolerance: Parameter[float] = None,
    code_fingerprint: Parameter[str] = "",
    baseline_model: InputArtifact[standard_artifacts.Model] = None,
    as_is: InputArtifact[standard_artifacts.ModelEvaluation] = None,
    beam_pipeline: BeamPipeline = SET_BY_TFX,
) -> None:
    """Scores how often a changed copy of an image finds its original.

    Copies are made of images that were held out of training: a random part of
    at least a quarter of the image, in slightly other colours, as a new JPEG.
    They search among all images. This shows how well a model recognises an
    image again, not how well it finds others of its kind, which are unknown
    without labels.

    Writes `scores.json`, `intervals.json` (score to low and high, 95% over
    the choice of originals) and `embeddings.npz`: `ids` and `embeddings` of
    all images, and which copies were `found`. Given a tolerance it blesses the
    model when it finds as many copies as the baseline does, minus the
    tolerance, and for sure no fewer than the backbone before any training.

    Args:
        model: the trained model.
        examples: with splits `train` and `test`, the latter held out.
        evaluation: scores and embeddings.
        blessing: whether the model may be pushed.
        tolerance: in [0, 1].
        code_fingerprint: changes when the code does; only the cache reads it.
        baseline_model: the last blessed model, if there is one.
        as_is: evaluation of the backbone's features before any training, on
            the same copies, if there is one.
        beam_pipeline: set by TFX.
    """
    del code_fingerprint
    images = load_images(examples)
    held_out = load_images(examples, "test")
    originals = _spread(np.flatnonzero(np.isin(images.ids, held_out.ids)))
    copies = [
        copy
        for number in originals
        for copy in changed_copies(images.image_bytes[int(number)], int(number))
    ]
    first_index = first_index_of_duplicate(images.image_bytes)

    paths = serving_paths(model, baseline_model, examples, tolerance)
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
            np.repeat(originals, NUM_COPIES),
            first_index,
        )
        for name, path in paths.items()
    }
    hits = found["candidate"]
    scores = {name: float(values.mean()) for name, values in hits.items()}
    # Over originals, each with all its copies, which resemble each other.
    intervals = {
        name: kd.evaluation.mean_interval(values, NUM_COPIES)
        for name, values in hits.items()
    }
    write_evaluation(
        evaluation.uri,
        scores,
        intervals,
        ids=images.ids,
        embeddings=galleries["candidate"].embeddings,
        found=hits[COPIES_FOUND],
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
    last = None
    if "baseline" in found:
        last = _rival(hits[COPIES_FOUND], found["baseline"][COPIES_FOUND])
    fault = find_fault(
        scores[COPIES_FOUND],
        last=last,
        as_is=as_is
        and _rival(hits[COPIES_FOUND], read_arrays(as_is.uri)["found"]),
        tolerance=tolerance,
        score_name="Copies found",
        over="originals",
    )
    write_blessing(blessing, fault, model, baseline_model)


def _rival(found: np.ndarray, others: np.ndarray) -> Rival:
    changes = found.astype(float) - others
    return Rival(
        float(others.mean()),
        kd.evaluation.Difference(
            float(changes.mean()),
            *kd.evaluation.mean_interval(changes, NUM_COPIES),
        ),
    )


def _spread(numbers: np.ndarray) -> np.ndarray:
    """Returns the numbers, or as many of them as are copied, evenly chosen."""
    if len(numbers) <= _MAX_ORIGINALS:
        return numbers
    chosen = np.linspace(0, len(numbers) - 1, _MAX_ORIGINALS).astype(int)
    return numbers[chosen]
