"""Turns a trained model and a gallery into a model that searches."""

import keras
from tfx.dsl.component.experimental.annotations import (
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import path_utils

import keras_dvml as kd
from pipelines.components.gallery import embed_images, example_files
from pipelines.remote_folders import written_folder
from pipelines.trainer import keras_model_path


@component
def Indexer(  # noqa: N802
    trained_model: InputArtifact[standard_artifacts.Model],
    examples: InputArtifact[standard_artifacts.Examples],
    model: OutputArtifact[standard_artifacts.Model],
    scann_model: OutputArtifact[standard_artifacts.Model],
    num_neighbors: Parameter[int] = 10,
    recall_floor: Parameter[float] = 0.95,
    code_fingerprint: Parameter[str] = "",
):
    """Indexes the images of all splits and writes both flavours for serving.

    Args:
        trained_model: with `Format-Serving/` and `model.keras`.
        examples: the gallery.
        model: embedder with exact search, loadable by any TF Serving.
        scann_model: embedder with the ScaNN index inside.
        num_neighbors: results a query.
        recall_floor: the run fails when the ScaNN index finds a smaller
            share of the true ten nearest neighbours.
        code_fingerprint: changes when the code does; only the cache reads it.
    """
    del code_fingerprint
    images = kd.data.load_examples(example_files(examples))
    embeddings = embed_images(
        path_utils.serving_model_path(trained_model.uri), images.image_bytes
    )
    exact = kd.index.ExactIndex.build(embeddings, ids=images.ids)
    scann = kd.index.ScannIndex.build(
        embeddings, ids=images.ids, recall_floor=recall_floor
    )
    recall = kd.index.measure_recall(scann, exact)
    if recall < recall_floor:
        raise ValueError(
            f"The ScaNN index finds {recall:.3f} of the ten nearest "
            f"neighbours; `recall_floor` asks for {recall_floor}"
        )
    keras_model = keras.models.load_model(
        keras_model_path(trained_model.uri), compile=False
    )
    for artifact, index in ((model, exact), (scann_model, scann)):
        with written_folder(
            path_utils.serving_model_dir(artifact.uri)
        ) as folder:
            kd.serving.write_saved_model(
                keras_model,
                folder,
                index=index,
                k=min(num_neighbors, len(index)),
            )
    model.set_string_custom_property(
        "summary",
        f"{len(exact):,} images; ScaNN finds {recall:.1%} of the ten nearest",
    )
