"""Turns a trained model and a gallery into a model that searches."""

import logging
import os

import numpy as np
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils

import keras_dvml as kd
from pipelines.artifacts.annotations import (
    SET_BY_TFX,
    BeamPipeline,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from pipelines.artifacts.examples import example_files
from pipelines.artifacts.models import load_keras_model
from pipelines.artifacts.remote_folders import written_folder
from pipelines.embedding.beam_embedding import (
    EmbeddedImages,
    EmbeddingJob,
    concatenate_by_id,
    embed_through_beam,
)

_REFIT = (
    "It was trained on all images. Its scores, and its match threshold where "
    "it has one, are those of the model that the same steps made from the same "
    "start on a part of the images, which was measured and blessed."
)

logger = logging.getLogger(__name__)


@component(use_beam=True)
def Indexer(  # noqa: N802
    trained_model: InputArtifact[standard_artifacts.Model],
    examples: InputArtifact[standard_artifacts.Examples],
    model: OutputArtifact[standard_artifacts.Model],
    scann_model: OutputArtifact[standard_artifacts.Model],
    num_neighbors: Parameter[int] = 10,
    recall_floor: Parameter[float] = 0.95,
    false_match_rate: Parameter[float] = None,
    code_fingerprint: Parameter[str] = "",
    measured_model: InputArtifact[standard_artifacts.Model] = None,
    beam_pipeline: BeamPipeline = SET_BY_TFX,
) -> None:
    """Indexes the images of all splits and writes both flavours for serving.

    Args:
        trained_model: with `Format-Serving/` and `model.keras`.
        examples: the gallery.
        model: embedder with exact search, loadable by any TF Serving.
        scann_model: embedder with the ScaNN index inside.
        num_neighbors: results per query.
        recall_floor: the run fails when the ScaNN index finds a smaller
            share of the true ten nearest neighbours.
        false_match_rate: in [0, 1]. Share of queries of unknown classes that
            may be answered with a match; `None` where images have no labels,
            and results do not state whether they match.
        code_fingerprint: changes when the code does; only the cache reads it.
        measured_model: what was measured in the place of `trained_model`,
            which has seen all images. Where queries match is found with it.
        beam_pipeline: set by TFX.
    """
    del code_fingerprint
    models = {"indexed": trained_model}
    if measured_model is not None and false_match_rate is not None:
        models["measured"] = measured_model
    splits = artifact_utils.decode_split_names(examples.split_names)
    jobs = {
        f"{name}_{split}": EmbeddingJob(
            path_utils.serving_model_path(artifact.uri),
            example_files(examples, split),
        )
        for name, artifact in models.items()
        for split in splits
    }
    working_dir = os.path.join(model.uri, "working")
    embedded = embed_through_beam(beam_pipeline, jobs, working_dir)
    gallery = concatenate_by_id(embedded[f"indexed_{s}"] for s in splits)
    exact = kd.index.ExactIndex.build(gallery.embeddings, ids=gallery.ids)
    scann = kd.index.ScannIndex.build(
        gallery.embeddings, ids=gallery.ids, recall_floor=recall_floor
    )
    recall = kd.index.measure_recall(scann, exact)
    if recall < recall_floor:
        raise ValueError(
            f"The ScaNN index finds {recall:.3f} of the ten nearest "
            f"neighbours; `recall_floor` asks for {recall_floor}"
        )
    match, remarks = None, [_REFIT] if measured_model else []
    if false_match_rate is not None:
        judge = list(models)[-1]
        match = calibrate(
            {split: embedded[f"{judge}_{split}"] for split in splits},
            false_match_rate,
        )
        if warning := warning_of(match):
            logger.warning("%s", warning)
            remarks.append(warning)
    keras_model = load_keras_model(trained_model.uri)
    k = min(num_neighbors, len(exact))
    for artifact, index in ((model, exact), (scann_model, scann)):
        serving_dir = path_utils.serving_model_dir(artifact.uri)
        with written_folder(serving_dir) as folder:
            kd.serving.write_saved_model(
                keras_model,
                folder,
                index=index,
                k=k,
                match_threshold=match,
                remark=" ".join(remarks),
            )
    summary = (
        f"{len(exact):,} images; ScaNN finds {recall:.1%} of the ten nearest"
    )
    if match is not None:
        summary += f"; a match from similarity {match.threshold:.3f} on"
    if match is not None and match.true_match_rate is not None:
        summary += f", which {match.true_match_rate:.1%} of true matches reach"
    model.set_string_custom_property("summary", summary)


def warning_of(match: kd.evaluation.MatchThreshold) -> str:
    """Returns a warning where most true matches are missed, else nothing.

    Args:
        match: as calibrated.
    """
    rate = match.true_match_rate
    if rate is None or rate >= 0.5:
        return ""
    return (
        f"Only {rate:.1%} of the true matches reach the match threshold of "
        f"{match.threshold:.3f}: most are not called matches. A higher "
        "`index.false_match_rate` lowers it."
    )


def calibrate(
    embedded: dict[str, EmbeddedImages], false_match_rate: float
) -> kd.evaluation.MatchThreshold:
    """Finds from which similarity on a result is called a match.

    Args:
        embedded: split to its images, each split sorted by id.
        false_match_rate: see `Indexer`.
    """
    # A model sets the classes that it has seen apart as no others.
    unseen = embedded["test"]
    gallery = concatenate_by_id(embedded.values())
    return kd.evaluation.calibrate_match_threshold(
        unseen.embeddings,
        unseen.labels,
        gallery=gallery.embeddings,
        gallery_labels=gallery.labels,
        # Both are sorted by id.
        query_rows=np.flatnonzero(np.isin(gallery.ids, unseen.ids)),
        false_match_rate=false_match_rate,
    )
