"""Measures retrieval on unseen classes, and blesses what may be pushed."""

import json
import logging
import os
from typing import Any

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
from pipelines.artifacts.examples import example_files
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

logger = logging.getLogger(__name__)


@component(use_beam=True)
def RetrievalEvaluator(  # noqa: N802
    model: InputArtifact[standard_artifacts.Model],
    examples: InputArtifact[standard_artifacts.Examples],
    evaluation: OutputArtifact[standard_artifacts.ModelEvaluation],
    blessing: OutputArtifact[standard_artifacts.ModelBlessing],
    ks: Parameter[str] = "[1, 2, 4, 8]",
    tolerance: Parameter[float] = None,
    code_fingerprint: Parameter[str] = "",
    baseline_model: InputArtifact[standard_artifacts.Model] = None,
    as_is: InputArtifact[standard_artifacts.ModelEvaluation] = None,
    beam_pipeline: BeamPipeline = SET_BY_TFX,
) -> None:
    """Scores retrieval among the images of the `test` split.

    Writes `scores.json`, `intervals.json` (score to low and high, 95% over
    the choice of classes) and `embeddings.npz` (`ids`, `labels`,
    `embeddings`). Given a tolerance it blesses the model when its Recall@1
    is at least the baseline's, measured anew on the same images, minus the
    tolerance, and the interval of their difference does not lie below 0, nor
    that of the difference from the backbone before any training; without a
    tolerance it only measures.

    Args:
        model: the trained model.
        examples: with a `test` split.
        evaluation: scores and embeddings.
        blessing: whether the model may be pushed.
        ks: JSON list of the k of Recall@k.
        tolerance: in [0, 1].
        code_fingerprint: changes when the code does; only the cache reads it.
        baseline_model: the last blessed model, if there is one.
        as_is: evaluation of the backbone's features before any training, on
            the same images, if there is one.
        beam_pipeline: set by TFX.
    """
    del code_fingerprint
    embedded = embed_through_beam(
        beam_pipeline,
        {
            name: EmbeddingJob(path, example_files(examples, "test"))
            for name, path in serving_paths(
                model, baseline_model, examples, tolerance
            ).items()
        },
        os.path.join(evaluation.uri, "working"),
    )
    images = embedded["candidate"]
    scores = kd.evaluation.evaluate_retrieval(
        images.embeddings,
        images.labels,
        ks=valid_ks(json.loads(ks), len(images.ids)),
    )
    intervals = kd.evaluation.bootstrap_intervals(scores)
    write_evaluation(evaluation.uri, scores, intervals, **images._asdict())
    evaluation.set_string_custom_property(
        "summary", summarize(scores, intervals)
    )
    if tolerance is None:
        return

    last = embedded.get("baseline")
    fault = find_fault(
        scores["recall@1"],
        last=last and _rival(scores, last.embeddings, last.labels),
        as_is=as_is and _rival(scores, **read_arrays(as_is.uri)),
        tolerance=tolerance,
    )
    write_blessing(blessing, fault, model, baseline_model)


def _rival(
    scores: kd.evaluation.RetrievalScores,
    embeddings: np.ndarray,
    labels: np.ndarray | None,
    **_: Any,
) -> Rival:
    others = kd.evaluation.evaluate_retrieval(
        embeddings, labels, ks=(1,), clustering=False
    )
    difference = kd.evaluation.compare_retrieval(scores, others)["recall@1"]
    return Rival(others["recall@1"], difference)


def valid_ks(ks: list[int], num_images: int) -> tuple[int, ...]:
    """Leaves those k of Recall@k out that ask for more than there is.

    Args:
        ks: of the configuration.
        num_images: of the test split.
    """
    too_large = [k for k in ks if k >= num_images]
    if too_large:
        logger.warning(
            "Recall@k is left out for k = %s: the test split has %d images.",
            ", ".join(map(str, too_large)),
            num_images,
        )
    return tuple(k for k in ks if k not in too_large)


def summarize(
    scores: dict[str, float],
    intervals: dict[str, kd.evaluation.Interval],
) -> str:
    """Describes in a line how good a model is, and how sure that is.

    Args:
        scores: of `evaluate_retrieval`.
        intervals: of `bootstrap_intervals`.
    """
    return ", ".join(
        f"{name} {scores[name]:.1%} "
        f"({100 * intervals[name].low:.1f} to {intervals[name].high:.1%})"
        for name in ("recall@1", "map@r", "nmi")
    )
