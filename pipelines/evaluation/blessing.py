"""Decides whether a model may be pushed, against the last that was blessed."""

import logging
import os

from tfx.components.evaluator import constants
from tfx.dsl.io import fileio
from tfx.types import standard_artifacts
from tfx.utils import io_utils, path_utils

import keras_dvml as kd

logger = logging.getLogger(__name__)


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


def serving_paths(
    model: standard_artifacts.Model,
    baseline_model: standard_artifacts.Model | None,
    tolerance: float | None,
) -> dict[str, str]:
    """Returns where the SavedModels lie that are to be compared.

    Args:
        model: the candidate.
        baseline_model: the last blessed model, if there is one.
        tolerance: of the comparison; `None` for none.

    Returns:
        Path of the `candidate`, and of the `baseline` where it can be used.
    """
    paths = {"candidate": path_utils.serving_model_path(model.uri)}
    if tolerance is None or baseline_model is None:
        return paths
    if is_usable_baseline(baseline_model, model):
        paths["baseline"] = path_utils.serving_model_path(baseline_model.uri)
    return paths


def is_usable_baseline(
    baseline_model: standard_artifacts.Model, model: standard_artifacts.Model
) -> bool:
    """Checks whether an earlier model is there to be compared with.

    Args:
        baseline_model: the last blessed model.
        model: the candidate.
    """
    if baseline_model.id == model.id:
        logger.info("The last blessed model is this one: it stays blessed.")
        return False
    if not fileio.exists(path_utils.serving_model_path(baseline_model.uri)):
        logger.warning(
            "The last blessed model is gone from %s; there is no baseline.",
            baseline_model.uri,
        )
        return False
    return True
