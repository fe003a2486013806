"""Turns a trained model and a gallery into a model that searches."""

import os

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
    EmbeddingJob,
    concatenate_by_id,
    embed_through_beam,
)


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
    beam_pipeline: BeamPipeline = SET_BY_TFX,
) -> None:
    """Indexes the images of all splits and writes both flavours for serving.

    Args:
        trained_model: with `Format-Serving/` and `model.keras`.
        examples: the gallery.
        model: embedder with exact search, loadable by any TF Serving.
        scann_model: embedder with the ScaNN index inside.
        num_neighbors: results a query.
        recall_floor: the run fails when the ScaNN index finds a smaller
            share of the true ten nearest neighbours.
        false_match_rate: in [0, 1]. Share of queries of unknown classes that
            may be answered with a match; `None` where images have no labels,
            and results do not say whether they match.
        code_fingerprint: changes when the code does; only the cache reads it.
        beam_pipeline: set by TFX.
    """
    del code_fingerprint
    serving_path = path_utils.serving_model_path(trained_model.uri)
    jobs = {
        split: EmbeddingJob(serving_path, example_files(examples, split))
        for split in artifact_utils.decode_split_names(examples.split_names)
    }
    working_dir = os.path.join(model.uri, "working")
    embedded = embed_through_beam(beam_pipeline, jobs, working_dir)
    gallery = concatenate_by_id(embedded.values())
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
    match = None
    if false_match_rate is not None:
        # A model sets the classes that it has seen apart as no others.
        unseen = embedded["test"]
        match = kd.evaluation.calibrate_match_threshold(
            unseen.embeddings,
            unseen.labels,
            gallery=gallery.embeddings,
            gallery_labels=gallery.labels,
            false_match_rate=false_match_rate,
        )
    keras_model = load_keras_model(trained_model.uri)
    k = min(num_neighbors, len(exact))
    for artifact, index in ((model, exact), (scann_model, scann)):
        serving_dir = path_utils.serving_model_dir(artifact.uri)
        with written_folder(serving_dir) as folder:
            kd.serving.write_saved_model(
                keras_model, folder, index=index, k=k, match_threshold=match
            )
    summary = (
        f"{len(exact):,} images; ScaNN finds {recall:.1%} of the ten nearest"
    )
    if match is not None:
        summary += f"; a match from similarity {match.threshold:.3f} on"
    model.set_string_custom_property("summary", summary)
