"""Measures retrieval on unseen classes, and blesses what may be pushed."""

import json
import logging
import os

from tfx.components.evaluator import constants
from tfx.dsl.component.experimental.annotations import (
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import standard_artifacts
from tfx.utils import io_utils, path_utils

import keras_dvml as kd
from pipelines.components.gallery import (
    embed_images,
    example_files,
    write_embeddings,
)

logger = logging.getLogger(__name__)


@component
def RetrievalEvaluator(  # noqa: N802
    model: InputArtifact[standard_artifacts.Model],
    examples: InputArtifact[standard_artifacts.Examples],
    evaluation: OutputArtifact[standard_artifacts.ModelEvaluation],
    blessing: OutputArtifact[standard_artifacts.ModelBlessing],
    ks: Parameter[str] = "[1, 2, 4, 8]",
    tolerance: Parameter[float] = None,
    code_fingerprint: Parameter[str] = "",
    baseline_model: InputArtifact[standard_artifacts.Model] = None,
):
    """Scores retrieval among the images of the `test` split.

    Writes `scores.json`, `intervals.json` (score to low and high, 95% over
    the choice of classes) and `embeddings.npz` (`ids`, `labels`,
    `embeddings`). Given a tolerance it blesses the model when its Recall@1
    is at least the baseline's, measured anew on the same images, minus the
    tolerance, and the interval of their difference does not lie below 0;
    without a tolerance it only measures.

    Args:
        model: the trained model.
        examples: with a `test` split.
        evaluation: scores and embeddings.
        blessing: whether the model may be pushed.
        ks: JSON list of the k of Recall@k.
        tolerance: in [0, 1].
        code_fingerprint: changes when the code does; only the cache reads it.
        baseline_model: the last blessed model, if there is one.
    """
    del code_fingerprint
    ks = tuple(json.loads(ks))
    images = kd.data.load_examples(example_files(examples, "test"))
    embeddings = embed_images(
        path_utils.serving_model_path(model.uri), images.image_bytes
    )
    too_large = [k for k in ks if k >= len(images.ids)]
    if too_large:
        logger.warning(
            "Recall@k is left out for k = %s: the test split has %d images.",
            ", ".join(map(str, too_large)),
            len(images.ids),
        )
        ks = tuple(k for k in ks if k not in too_large)
    scores = kd.evaluation.evaluate_retrieval(embeddings, images.labels, ks=ks)
    intervals = kd.evaluation.bootstrap_intervals(scores)
    write_scores(evaluation.uri, scores, intervals)
    write_embeddings(
        evaluation.uri,
        ids=images.ids,
        labels=images.labels,
        embeddings=embeddings,
    )
    evaluation.set_string_custom_property(
        "summary", summarize(scores, intervals)
    )
    if tolerance is None:
        return

    baseline_recall = difference = None
    if baseline_model is not None and is_usable_baseline(baseline_model, model):
        baseline_embeddings = embed_images(
            path_utils.serving_model_path(baseline_model.uri),
            images.image_bytes,
        )
        baseline_scores = kd.evaluation.evaluate_retrieval(
            baseline_embeddings, images.labels, ks=(1,), clustering=False
        )
        baseline_recall = baseline_scores["recall@1"]
        difference = kd.evaluation.compare_retrieval(scores, baseline_scores)[
            "recall@1"
        ]
    blessed = deserves_blessing(
        scores["recall@1"], baseline_recall, tolerance, difference=difference
    )
    write_blessing(blessing, blessed, model, baseline_model)


def deserves_blessing(
    recall: float,
    baseline_recall: float | None,
    tolerance: float,
    score_name: str = "Recall@1",
    difference: kd.evaluation.Difference | None = None,
    over: str = "classes",
) -> bool:
    """Decides whether a model may be pushed.

    Args:
        recall: the candidate's Recall@1.
        baseline_recall: the last blessed model's, or `None` without one.
        tolerance: how much of it may be lost.
        score_name: what is compared, where it is another score.
        difference: of the two, with its interval, where known. Less is lost
            for sure where the whole interval is below 0.
        over: what the interval is over the choice of.

    Returns:
        Whether the candidate is good enough.
    """
    if baseline_recall is None:
        return True
    floor = baseline_recall - tolerance
    surely_worse = difference is not None and difference.high < 0
    blessed = recall >= floor and not surely_worse
    logger.info(
        "%s %.1f%% against %.1f%% of the last blessed model "
        "(at least %.1f%% asked for): %s.",
        score_name,
        100 * recall,
        100 * baseline_recall,
        100 * floor,
        "blessed" if blessed else "NOT blessed",
    )
    if difference is not None:
        logger.info(
            "%s differs by %+.1f points, 95%% interval %+.1f to %+.1f over "
            "the choice of %s.",
            score_name,
            *(100 * value for value in difference),
            over,
        )
    return blessed


def write_blessing(
    blessing: standard_artifacts.ModelBlessing,
    blessed: bool,
    model: standard_artifacts.Model,
    baseline_model: standard_artifacts.Model | None,
) -> None:
    """Marks the artifact as TFX's own Evaluator does, for Pusher and Resolver.

    Args:
        blessing: to be marked.
        blessed: whether the model may be pushed.
        model: the model in question.
        baseline_model: what it was compared with, if anything.
    """
    name = (
        constants.BLESSED_FILE_NAME
        if blessed
        else constants.NOT_BLESSED_FILE_NAME
    )
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")
    blessing.set_int_custom_property(
        constants.ARTIFACT_PROPERTY_BLESSED_KEY,
        constants.BLESSED_VALUE if blessed else constants.NOT_BLESSED_VALUE,
    )
    blessing.set_string_custom_property(
        constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri
    )
    blessing.set_int_custom_property(
        constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id
    )
    if baseline_model is not None:
        blessing.set_string_custom_property(
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY,
            baseline_model.uri,
        )
        blessing.set_int_custom_property(
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY,
            baseline_model.id,
        )
    blessing.set_string_custom_property(
        "summary", "blessed" if blessed else "NOT blessed"
    )


def is_usable_baseline(
    baseline_model: standard_artifacts.Model, model: standard_artifacts.Model
) -> bool:
    """Says whether an earlier model is there to be compared with.

    Args:
        baseline_model: the last blessed model.
        model: the candidate.
    """
    if baseline_model.id == model.id:
        logger.info("The last blessed model is this one: it stays blessed.")
        return False
    if not fileio.exists(path_utils.serving_model_path(baseline_model.uri)):
        logger.warning(
            "The last blessed model is gone from %s; going on without a "
            "baseline.",
            baseline_model.uri,
        )
        return False
    return True


def summarize(
    scores: dict[str, float],
    intervals: dict[str, kd.evaluation.Interval],
) -> str:
    """Says in a line how good a model is, and how sure that is.

    Args:
        scores: of `evaluate_retrieval`.
        intervals: of `bootstrap_intervals`.
    """
    return ", ".join(
        f"{name} {scores[name]:.1%} "
        f"({100 * intervals[name].low:.1f} to {intervals[name].high:.1%})"
        for name in ("recall@1", "map@r", "nmi")
    )


def write_scores(
    uri: str,
    scores: dict[str, float],
    intervals: dict[str, kd.evaluation.Interval],
) -> None:
    """Writes `scores.json` and `intervals.json` of an evaluation.

    Args:
        uri: of the evaluation.
        scores: in 0..1.
        intervals: of these.
    """
    for name, content in (("scores", scores), ("intervals", intervals)):
        io_utils.write_string_file(
            os.path.join(uri, f"{name}.json"), json.dumps(content, indent=1)
        )
