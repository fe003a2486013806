"""Publishes a blessed model, both flavours under one version."""

import logging
import os

from tfx.components.evaluator import constants
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import path_utils

import keras_dvml as kd
from pipelines.artifacts.annotations import (
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from pipelines.artifacts.pushes import FAULT, write_push

logger = logging.getLogger(__name__)


@component
def Pusher(  # noqa: N802
    model: InputArtifact[standard_artifacts.Model],
    scann_model: InputArtifact[standard_artifacts.Model],
    blessing: InputArtifact[standard_artifacts.ModelBlessing],
    pushed_model: OutputArtifact[standard_artifacts.PushedModel],
    serving_dir: Parameter[str],
    model_name: Parameter[str],
    code_fingerprint: Parameter[str] = "",
) -> None:
    """Copies a blessed model to where it is served from.

    The exact flavour goes to `<serving_dir>/<model_name>/<version>`, the one
    with ScaNN inside to `<serving_dir>/<model_name>-scann/<version>`. Beside
    the versions lie then `README.md` and `models.config`, in an object store
    too. What was pushed is written to `push.json`; a model without a blessing
    is not pushed, and `push.json` not written.

    Args:
        model: the exact flavour.
        scann_model: the other.
        blessing: of the model that was trained.
        pushed_model: what was published.
        serving_dir: `saved_models/`.
        model_name: name of the model in there.
        code_fingerprint: changes when the code does; only the cache reads it.
    """
    del code_fingerprint
    base_dir = os.path.join(serving_dir, model_name)
    blessed = blessing.get_int_custom_property(
        constants.ARTIFACT_PROPERTY_BLESSED_KEY
    )
    if blessed != constants.BLESSED_VALUE:
        logger.warning(
            "NOT PUSHED: the model was not blessed. What %s serves is as it "
            "was.",
            base_dir,
        )
        pushed_model.set_int_custom_property("pushed", 0)
        pushed_model.set_string_custom_property("summary", "NOT PUSHED")
        pushed_model.set_string_custom_property(
            FAULT, blessing.get_string_custom_property(FAULT)
        )
        return
    # The one that every server can load comes last: where a version of it
    # stands, the other stands too.
    sources = {
        f"{base_dir}-scann": path_utils.serving_model_path(scann_model.uri),
        base_dir: path_utils.serving_model_path(model.uri),
    }
    scann, exact = kd.serving.publish_all(sources)
    write_push(pushed_model.uri, exact=exact, scann=scann)
    pushed_model.set_int_custom_property("pushed", 1)
    version = os.path.basename(exact)
    pushed_model.set_string_custom_property("pushed_destination", exact)
    pushed_model.set_string_custom_property("pushed_version", version)
    pushed_model.set_string_custom_property("summary", f"{exact}, {scann}")
