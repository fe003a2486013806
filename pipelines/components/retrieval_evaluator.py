"""Measures retrieval on unseen classes, and blesses what may be pushed."""

import io
import json
import logging
import os

import numpy as np
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
from pipelines.components.gallery import embed_images, example_files

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

    Writes `scores.json` and `embeddings.npz` (`ids`, `labels`,
    `embeddings`). Given a tolerance it blesses the model when its Recall@1
    is at least the baseline's, measured anew on the same images, minus the
    tolerance; without a tolerance it only measures.

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
    _write_evaluation(evaluation.uri, scores, images, embeddings)
    evaluation.set_string_custom_property("summary", _summary(scores))
    if tolerance is None:
        return

    baseline_recall = None
    if baseline_model is not None and _is_usable_baseline(
        baseline_model, model
    ):
        baseline_embeddings = embed_images(
            path_utils.serving_model_path(baseline_model.uri),
            images.image_bytes,
        )
        baseline_recall = kd.evaluation.evaluate_retrieval(
            baseline_embeddings, images.labels, ks=(1,)
        )["recall@1"]
    blessed = deserves_blessing(scores["recall@1"], baseline_recall, tolerance)
    write_blessing(blessing, blessed, model, baseline_model)


def deserves_blessing(
    recall: float, baseline_recall: float | None, tolerance: float
) -> bool:
    """Decides whether a model may be pushed.

    Args:
        recall: the candidate's Recall@1.
        baseline_recall: the last blessed model's, or `None` without one.
        tolerance: how much of it may be lost.

    Returns:
        Whether the candidate is good enough.
    """
    if baseline_recall is None:
        return True
    floor = baseline_recall - tolerance
    blessed = recall >= floor
    logger.info(
        "Recall@1 %.1f%% against %.1f%% of the last blessed model "
        "(at least %.1f%% asked for): %s.",
        100 * recall,
        100 * baseline_recall,
        100 * floor,
        "blessed" if blessed else "NOT blessed",
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


def _is_usable_baseline(
    baseline_model: standard_artifacts.Model, model: standard_artifacts.Model
) -> bool:
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


def _write_evaluation(uri, scores, images, embeddings):
    io_utils.write_string_file(
        os.path.join(uri, "scores.json"), json.dumps(scores, indent=1)
    )
    # Through memory: zip files seek, which remote files cannot do.
    packed = io.BytesIO()
    np.savez(
        packed, ids=images.ids, labels=images.labels, embeddings=embeddings
    )
    with fileio.open(os.path.join(uri, "embeddings.npz"), "wb") as stream:
        stream.write(packed.getvalue())


def _summary(scores: dict[str, float]) -> str:
    return ", ".join(
        f"{name} {scores[name]:.1%}" for name in ("recall@1", "map@r", "nmi")
    )
