"""Labels without a teacher: embeds images, clusters them, keeps the ids."""

import contextlib
import json
import logging
import os
import warnings
from collections.abc import Iterator

import keras
import numpy as np
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
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
from pipelines.artifacts.pseudo_label_table import (
    EMBEDDINGS,
    FEATURES,
    PseudoLabelTable,
    read_pseudo_labels,
    write_pseudo_labels,
)
from pipelines.artifacts.remote_folders import written_folder
from pipelines.artifacts.types import PseudoLabels
from pipelines.embedding.beam_embedding import EmbeddingJob, embed_through_beam

# What is written of a round, beside the sizes of its clusters.
_FIGURES = (
    "num_empty",
    "num_single",
    "num_reseeded",
    "inertia",
    "changed",
    "nmi_previous",
    "nmi_true",
)

_FEWEST, _MOST = 2, 10_000

logger = logging.getLogger(__name__)


@component(use_beam=True)
def Clusterer(  # noqa: N802
    examples: InputArtifact[standard_artifacts.Examples],
    model: InputArtifact[standard_artifacts.Model],
    pseudo_labels: OutputArtifact[PseudoLabels],
    round_number: Parameter[int],
    space: Parameter[str] = EMBEDDINGS,
    splits: Parameter[str] = '["train"]',
    num_clusters: Parameter[int] = 0,
    images_per_cluster: Parameter[int] = 10,
    metric: Parameter[str] = "cosine",
    num_iterations: Parameter[int] = 20,
    seed: Parameter[int] = 0,
    code_fingerprint: Parameter[str] = "",
    previous: InputArtifact[PseudoLabels] = None,
    beam_pipeline: BeamPipeline = SET_BY_TFX,
) -> None:
    """Clusters images by what a model makes of them.

    After an earlier round the number of clusters is that round's, k-means
    starts from its clusters, and clusters are named as they were there. True
    labels, where images have them, are compared with and never used.

    Args:
        examples: the images.
        model: trained, with `Format-Serving/` and `model.keras`.
        pseudo_labels: the cluster of each image.
        round_number: counted from 1.
        space: what is clustered: `"features"`, the pooled features of the
            model's backbone, or `"embeddings"`.
        splits: JSON list of the splits that are clustered.
        num_clusters: 0 for the rule of `num_clusters_for`.
        images_per_cluster: see there.
        metric: `"cosine"` or `"euclidean"`.
        num_iterations: of k-means, at most.
        seed: of the choice of the first centroids.
        code_fingerprint: changes when the code does; only the cache reads it.
        previous: the round before.
        beam_pipeline: set by TFX.
    """
    del code_fingerprint
    working_dir = os.path.join(pseudo_labels.uri, "working")
    saved_model_path = _saved_model_path(model, space, working_dir)
    files = example_files(examples, *json.loads(splits))
    jobs = {"images": EmbeddingJob(saved_model_path, files)}
    embedded = embed_through_beam(beam_pipeline, jobs, working_dir)["images"]
    num_images = len(embedded.ids)
    table = read_pseudo_labels(previous.uri) if previous else None
    earlier = known = None
    if table is not None:
        earlier = _clustering_of(table, embedded.ids)
        known = earlier.assignments >= 0
        num_clusters = earlier.num_clusters
    num_clusters = num_clusters or num_clusters_for(
        num_images, images_per_cluster
    )
    logger.info(
        "Clustering %s images into %s clusters by their %s.",
        f"{num_images:,}",
        f"{num_clusters:,}",
        space,
    )
    k_means = kd.clustering.k_means_clusterer(
        num_clusters, num_iterations=num_iterations, metric=metric, seed=seed
    )
    same_space = table is None or table.facts["space"] == space
    with _size_warnings_in_log():
        clustering = kd.training.next_round(
            embedded.embeddings, k_means, earlier, same_space=same_space
        )
    figures = kd.training.describe_round(
        clustering,
        earlier,
        number=round_number,
        true_labels=embedded.labels,
        known=known,
    )
    facts = {
        "round": round_number,
        "space": space,
        "metric": metric,
        "num_images": num_images,
        "num_clusters": clustering.num_clusters,
        "sizes": clustering.sizes.tolist(),
        **{name: getattr(figures, name) for name in _FIGURES},
    }
    table = PseudoLabelTable(
        ids=embedded.ids,
        clusters=clustering.assignments,
        distances=clustering.distances,
        centroids=clustering.centroids,
        facts=facts,
    )
    write_pseudo_labels(pseudo_labels.uri, table)
    pseudo_labels.set_int_custom_property("round", round_number)
    pseudo_labels.set_string_custom_property("summary", str(figures))


def num_clusters_for(num_images: int, images_per_cluster: int) -> int:
    """Returns how many clusters to make, where nobody gave their number.

    One to each `images_per_cluster` images, at least 2 and at most 10,000,
    which k-means makes of 60,000 images in seconds.

    Args:
        num_images: to be clustered.
        images_per_cluster: on average.

    Example:
        >>> from pipelines.clustering.clusterer import num_clusters_for
        >>> [num_clusters_for(images, 5) for images in (8, 600, 100_000)]
        [2, 120, 10000]
    """
    return min(max(num_images // images_per_cluster, _FEWEST), _MOST)


@contextlib.contextmanager
def _size_warnings_in_log() -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", kd.clustering.ClusterSizeWarning)
        yield
    for warning in caught:
        logger.warning("%s", warning.message)


def _clustering_of(
    table: PseudoLabelTable, ids: np.ndarray
) -> kd.clustering.Clustering:
    """Returns an earlier round as it applies to the images of this one.

    Images that it did not have are in no cluster.
    """
    assignments = table.clusters_of(ids)
    members = assignments[assignments >= 0]
    return kd.clustering.Clustering(
        assignments,
        distances=np.full(len(ids), np.nan, np.float32),
        centroids=table.centroids,
        inertia=table.facts["inertia"],
        sizes=np.bincount(members, minlength=len(table.centroids)),
    )


def _saved_model_path(
    model: standard_artifacts.Model, space: str, working_dir: str
) -> str:
    """Returns where a model from image bytes to the space lies."""
    if space == EMBEDDINGS:
        return path_utils.serving_model_path(model.uri)
    if space != FEATURES:
        raise ValueError(
            f"`space` must be {FEATURES!r} or {EMBEDDINGS!r}; received "
            f"space={space!r}"
        )
    trained = load_keras_model(model.uri)
    images = keras.Input((*trained.image_size, 3))
    path = os.path.join(working_dir, "feature_model")
    features = keras.Model(images, trained.features(images))
    with written_folder(path) as folder:
        kd.serving.write_saved_model(features, folder)
    return path
