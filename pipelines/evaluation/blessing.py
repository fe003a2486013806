"""Decides whether a model may be pushed, against the last that was blessed."""

import logging
import os
from typing import NamedTuple

from tfx.components.evaluator import constants
from tfx.dsl.io import fileio
from tfx.types import standard_artifacts
from tfx.utils import io_utils, path_utils

import keras_dvml as kd
from pipelines.artifacts.examples import class_names, load_images
from pipelines.artifacts.models import read_classes
from pipelines.artifacts.pushes import FAULT

logger = logging.getLogger(__name__)

_NOTHING_CHANGES = "That one stays in place."
_WHAT_TO_TRY = (
    "Try more images of each class, another backbone (`train.backbone`) or "
    "more steps (`train.epochs`); `candidate=as_is` publishes that backbone "
    "without any training."
)


class Rival(NamedTuple):
    """What a candidate is measured against.

    Attributes:
        score: in [0, 1], on the same images.
        difference: the candidate's score minus this one, with its interval.
    """

    score: float
    difference: kd.evaluation.Difference


def find_fault(
    score: float,
    *,
    last: Rival | None,
    as_is: Rival | None,
    tolerance: float,
    score_name: str = "Recall@1",
    over: str = "classes",
) -> str:
    """Finds what speaks against pushing a model.

    Args:
        score: the candidate's.
        last: the last blessed model, or `None` without one.
        as_is: the features of the candidate's backbone before any training,
            or `None` where they were not measured.
        tolerance: how much of the last model's score may be lost. Where the
            whole interval of a difference is below 0, less is found for sure,
            and that is too much however little it is.
        score_name: what is compared.
        over: what the intervals are over the choice of.

    Returns:
        A sentence for people, with what to try; empty where the candidate is
        good enough.
    """
    faults = []
    for name, rival, allowed, advice in (
        ("the last blessed model", last, tolerance, _NOTHING_CHANGES),
        ("the backbone as it is", as_is, 1.0, _WHAT_TO_TRY),
    ):
        if rival is None:
            continue
        points = [100 * value for value in rival.difference]
        figures = (
            f"{score_name} {score:.1%} against {rival.score:.1%} of {name}: "
            f"{points[0]:+.1f} points, 95% interval {points[1]:+.1f} to "
            f"{points[2]:+.1f} over the choice of {over}"
        )
        logger.info("%s.", figures)
        is_surely_worse = rival.difference.high < 0
        if score < rival.score - allowed or is_surely_worse:
            faults.append(f"It finds less than {name}. {figures}. {advice}")
    return " ".join(faults)


def write_blessing(
    blessing: standard_artifacts.ModelBlessing,
    fault: str,
    model: standard_artifacts.Model,
    baseline_model: standard_artifacts.Model | None,
) -> None:
    """Marks the artifact as TFX's own Evaluator does, for Pusher and Resolver.

    Args:
        blessing: to be marked.
        fault: why the model may not be pushed; empty where it may.
        model: the model in question.
        baseline_model: what it was compared with, if anything.
    """
    blessed = not fault
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
    blessing.set_string_custom_property(FAULT, fault)


def serving_paths(
    model: standard_artifacts.Model,
    baseline_model: standard_artifacts.Model | None,
    examples: standard_artifacts.Examples,
    tolerance: float | None,
) -> dict[str, str]:
    """Returns where the SavedModels lie that are to be compared.

    Args:
        model: the candidate.
        baseline_model: the last blessed model, if there is one.
        examples: what they are to be compared on, the split `test`.
        tolerance: of the comparison; `None` for none.

    Returns:
        Path of the `candidate`, and of the `baseline` where it can be used.
    """
    paths = {"candidate": path_utils.serving_model_path(model.uri)}
    if tolerance is None or baseline_model is None:
        return paths
    if is_usable_baseline(baseline_model, model, examples):
        paths["baseline"] = path_utils.serving_model_path(baseline_model.uri)
    return paths


def is_usable_baseline(
    baseline_model: standard_artifacts.Model,
    model: standard_artifacts.Model,
    examples: standard_artifacts.Examples,
) -> bool:
    """Checks whether an earlier model can be compared with fairly.

    Args:
        baseline_model: the last blessed model.
        model: the candidate.
        examples: what they are to be compared on, the split `test`.
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
    known = read_classes(baseline_model.uri)
    ahead = known - read_classes(model.uri)
    unfair = ahead and ahead & class_names(load_images(examples, "test"))
    if unfair:
        logger.warning(
            "The last blessed model was trained on %d of the classes that are "
            "tested on now, such as %s; there is no baseline.",
            len(unfair),
            min(unfair),
        )
    return not unfair
