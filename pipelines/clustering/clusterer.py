"""Labels without a teacher: embeds images, clusters them, keeps the ids."""

import json
import logging
import os
import warnings
from typing import Any

import keras
import numpy as np
from sklearn.metrics import normalized_mutual_info_score
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
from pipelines.embedding.beam_embedding import (
    EmbeddedImages,
    EmbeddingJob,
    embed_through_beam,
)

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
    goes on from its clusters, and clusters are named as they were there. True
    labels, where images have them, are compared with and never used.

    Args:
        examples: the images.
        model: trained, with `Format-Serving/` and `model.keras`.
        pseudo_labels: the cluster of each image.
        round_number: counted from 1.
        space: what is clustered: `"features"`, the pooled features of the
            model's backbone, or `"embeddings"`.
        splits: JSON list of the splits that are clustered.
        num_clusters: 0 for one to each `images_per_cluster`, at least 2.
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
    job = EmbeddingJob(
        _saved_model_path(model, space, working_dir),
        example_files(examples, *json.loads(splits)),
    )
    embedded = embed_through_beam(beam_pipeline, {"images": job}, working_dir)[
        "images"
    ]

    earlier = read_pseudo_labels(previous.uri) if previous else None
    if earlier is not None:
        num_clusters = len(earlier.centroids)
    clustering = _cluster(
        embedded,
        num_clusters or max(2, len(embedded.ids) // images_per_cluster),
        space=space,
        earlier=earlier,
        metric=metric,
        num_iterations=num_iterations,
        seed=seed,
    )
    facts = {
        "round": round_number,
        "space": space,
        "metric": metric,
        **describe(clustering, embedded, earlier),
    }
    write_pseudo_labels(
        pseudo_labels.uri,
        PseudoLabelTable(
            ids=embedded.ids,
            clusters=clustering.assignments,
            distances=clustering.distances,
            centroids=clustering.centroids,
            facts=facts,
        ),
    )
    pseudo_labels.set_int_custom_property("round", round_number)
    pseudo_labels.set_string_custom_property("summary", _summary(facts))


def describe(
    clustering: kd.clustering.Clustering,
    embedded: EmbeddedImages,
    earlier: PseudoLabelTable | None,
) -> dict[str, Any]:
    """Gathers what is to be said of a round.

    Args:
        clustering: of the images.
        embedded: the images.
        earlier: the round before, or `None`.

    Returns:
        JSON-ready dict. `changed` is the share of images whose cluster is not
        that of the round before, `nmi_previous` and `nmi_true` the normalised
        mutual information with that round and with the true labels; `None`
        where there is nothing to compare with.
    """
    changed = nmi_previous = nmi_true = None
    if earlier is not None:
        before = earlier.clusters_of(embedded.ids)
        known = before >= 0
        now = clustering.assignments[known]
        changed = float(np.mean(now != before[known]))
        nmi_previous = normalized_mutual_info_score(before[known], now)
    if embedded.labels is not None:
        nmi_true = normalized_mutual_info_score(
            embedded.labels, clustering.assignments
        )
    return {
        "num_images": len(embedded.ids),
        "num_clusters": clustering.num_clusters,
        "sizes": clustering.sizes.tolist(),
        "num_empty": clustering.num_empty,
        "num_single": clustering.num_single,
        "num_reseeded": clustering.num_reseeded,
        "inertia": clustering.inertia,
        "changed": changed,
        "nmi_previous": nmi_previous and float(nmi_previous),
        "nmi_true": nmi_true and float(nmi_true),
    }


def _saved_model_path(
    model: standard_artifacts.Model, space: str, working_dir: str
) -> str:
    """Returns where a model from image bytes to the space lies."""
    if space == EMBEDDINGS:
        return path_utils.serving_model_path(model.uri)
    if space != FEATURES:
        raise ValueError(
            f"`space` must be {FEATURES!r} or {EMBEDDINGS!r}. Received: "
            f"space={space!r}"
        )
    trained = load_keras_model(model.uri)
    images = keras.Input((*trained.image_size, 3))
    path = os.path.join(working_dir, "feature_model")
    with written_folder(path) as folder:
        kd.serving.write_saved_model(
            keras.Model(images, trained.features(images)), folder
        )
    return path


def _cluster(
    embedded: EmbeddedImages,
    num_clusters: int,
    *,
    space: str,
    earlier: PseudoLabelTable | None,
    **options,
) -> kd.clustering.Clustering:
    logger.info(
        "Clustering %s images into %s clusters by their %s.",
        f"{len(embedded.ids):,}",
        f"{num_clusters:,}",
        space,
    )
    start = None
    if earlier is not None:
        before = earlier.clusters_of(embedded.ids)
        start = earlier.centroids
        if earlier.facts["space"] != space:
            start = _means(embedded.embeddings, before, num_clusters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", kd.clustering.ClusterSizeWarning)
        clustering = kd.clustering.k_means(
            embedded.embeddings,
            num_clusters,
            initial_centroids=start,
            **options,
        )
    for warning in caught:
        logger.warning("%s", warning.message)
    return clustering if earlier is None else clustering.align(before)


def _means(
    embeddings: np.ndarray, clusters: np.ndarray, num_clusters: int
) -> np.ndarray:
    """Returns the `(K, dim)` mean embeddings of clusters.

    Images in no cluster count for none. A cluster without an image is put
    where the first image is, and k-means gives it members of its own.
    """
    means = np.tile(embeddings[:1], (num_clusters, 1))
    for cluster in range(num_clusters):
        members = embeddings[clusters == cluster]
        if len(members):
            means[cluster] = members.mean(axis=0)
    return means


def _summary(facts: dict[str, Any]) -> str:
    sizes = facts["sizes"]
    text = f"{len(sizes)} clusters of {min(sizes)} to {max(sizes)} images"
    if facts["changed"] is not None:
        text += f"; {facts['changed']:.0%} of them changed cluster"
    if facts["nmi_true"] is not None:
        text += f"; NMI with the labels, not used: {facts['nmi_true']:.3f}"
    return text
