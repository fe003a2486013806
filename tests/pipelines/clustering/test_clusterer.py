"""The component by itself, on artifacts made by hand."""

import dataclasses

import numpy as np
import pytest

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def write_examples(artifact, write_records):
    """Writes 60 images of 5 colours in two splits, two files each."""
    import tensorflow as tf
    from tfx.types import artifact_utils, standard_artifacts

    random = np.random.default_rng(0)
    colors = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0), (0, 0, 0)]
    rows = [
        (
            f"{i:02}.png",
            tf.io.encode_png(
                np.clip(
                    np.asarray(colors[i % 5])
                    + random.integers(-5, 5, (16, 16, 3)),
                    0,
                    255,
                ).astype(np.uint8)
            ).numpy(),
        )
        for i in random.permutation(60)
    ]

    def write(label_of):
        from pathlib import Path

        examples = artifact(standard_artifacts.Examples)
        examples.split_names = artifact_utils.encode_split_names(
            ["train", "test"]
        )
        for split, part in (("train", rows[:50]), ("test", rows[50:])):
            folder = Path(examples.uri, f"Split-{split}")
            for shard in (0, 1):
                write_records(
                    folder / f"data_tfrecord-{shard}-of-2.gz",
                    [
                        (image, image_id, label_of(image_id))
                        for image_id, image in part[shard::2]
                    ],
                )
        return examples

    return write


@pytest.fixture(scope="module")
def examples(write_examples):
    return write_examples(lambda image_id: int(image_id[:2]) % 5)


@pytest.fixture(scope="module")
def model(artifact):
    """The first weights of UDML, saved as the Trainer saves them."""
    import keras
    from tfx.types import standard_artifacts

    import keras_dvml as kd
    from pipelines.configs import TrainConfig
    from pipelines.training.methods import build_model

    made = artifact(standard_artifacts.Model)
    config = TrainConfig(
        method="udml", image_size=16, widths=(4, 8), embedding_dim=6
    )
    keras.utils.set_random_seed(0)
    model = build_model(config)
    kd.serving.write_saved_model(model, made.uri + "/Format-Serving")
    model.save(made.uri + "/model.keras")
    return made


@pytest.fixture(scope="module")
def cluster(artifact, examples, model):
    """Runs the component's executor on Beam in memory."""
    import apache_beam as beam
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

    from pipelines.artifacts.pseudo_label_table import read_pseudo_labels
    from pipelines.artifacts.types import PseudoLabels
    from pipelines.clustering.clusterer import Clusterer

    def run(previous=None, examples=examples, model=model, **parameters):
        output = artifact(PseudoLabels)
        executor = Clusterer.EXECUTOR_SPEC.executor_class(
            BaseBeamExecutor.Context(
                make_beam_pipeline_fn=lambda: beam.Pipeline("FnApiRunner")
            )
        )
        executor.Do(
            {
                "examples": [examples],
                "model": [model],
                **({"previous": [previous]} if previous else {}),
            },
            {"pseudo_labels": [output]},
            {"round_number": 1, **parameters},
        )
        return Clustered(output, read_pseudo_labels(output.uri))

    return run


@dataclasses.dataclass
class Clustered:
    artifact: object
    table: object


@pytest.fixture(scope="module")
def first(cluster):
    return cluster(space="features", num_clusters=5)


@pytest.fixture(scope="module")
def second(cluster, first):
    return cluster(first.artifact, round_number=2)


def test_colours_come_apart_by_features_of_the_first_weights(first):
    facts = first.table.facts
    assert first.table.centroids.shape == (5, 8)
    assert facts["nmi_true"] == pytest.approx(1.0)
    assert sorted(facts["sizes"]) == sorted(
        np.unique(
            [int(i[:2]) % 5 for i in first.table.ids], return_counts=True
        )[1]
    )


def test_each_image_of_the_split_has_a_row_in_order_of_its_id(first):
    ids = first.table.ids.tolist()
    assert len(set(ids)) == 50 and ids == sorted(ids)
    assert np.all(first.table.distances >= 0)


def test_artifact_says_what_came_out_and_keeps_no_working_files(first):
    import os

    summary = first.artifact.get_string_custom_property("summary")
    assert summary.startswith("5 clusters of ")
    assert first.artifact.get_int_custom_property("round") == 1
    assert sorted(os.listdir(first.artifact.uri)) == [
        "centroids.npy",
        "clusters.json",
        "pseudo_labels.csv",
    ]


def test_true_labels_are_compared_with_and_not_used(
    first, cluster, write_examples
):
    for label_of, known in ((lambda _: None, False), (lambda _: 7, True)):
        other = cluster(
            space="features",
            num_clusters=5,
            examples=write_examples(label_of),
        ).table
        assert (other.facts["nmi_true"] is not None) == known
        np.testing.assert_array_equal(other.clusters, first.table.clusters)
        np.testing.assert_array_equal(other.centroids, first.table.centroids)


def test_later_rounds_cluster_the_embedding_under_the_names_of_before(
    first, second
):
    second = second.table
    assert second.centroids.shape == (5, 6)
    assert second.facts["round"] == 2
    # The same colours, seen by an untrained head, which keeps them apart.
    assert second.facts["changed"] == 0.0
    assert second.facts["nmi_previous"] == pytest.approx(1.0)
    np.testing.assert_array_equal(second.clusters, first.table.clusters)


def test_round_in_which_nothing_moved_gives_identical_labels(second, cluster):
    third = cluster(second.artifact, round_number=3).table
    np.testing.assert_array_equal(third.clusters, second.table.clusters)
    np.testing.assert_allclose(
        third.centroids, second.table.centroids, atol=1e-6
    )


def test_held_out_images_join_the_clusters_of_the_others(first, cluster):
    whole = cluster(first.artifact, splits='["train", "test"]').table
    assert len(whole.ids) == 60
    assert whole.facts["nmi_true"] == pytest.approx(1.0)
    # Only images that were there before can have changed.
    assert whole.facts["changed"] == 0.0
    np.testing.assert_array_equal(
        whole.clusters_of(first.table.ids), first.table.clusters
    )


@pytest.mark.parametrize(
    ("images_per_cluster", "num_clusters"), [(9, 5), (30, 2)]
)
def test_number_of_clusters_follows_the_number_of_images(
    cluster, images_per_cluster, num_clusters
):
    # 50 images to cluster.
    table = cluster(images_per_cluster=images_per_cluster).table
    assert len(table.centroids) == num_clusters


def test_more_clusters_than_images_are_a_named_error(cluster):
    with pytest.raises(ValueError, match=r"num_clusters must be in 1..50"):
        cluster(space="features", num_clusters=51)


def test_unknown_space_is_a_named_error(cluster):
    with pytest.raises(ValueError, match="space='pixels'"):
        cluster(space="pixels")


def test_embeddings_through_beam_are_those_of_the_served_model(
    examples, model, tmp_path
):
    import apache_beam as beam

    import keras_dvml as kd
    from pipelines.artifacts.examples import example_files
    from pipelines.embedding.beam_embedding import (
        EmbeddingJob,
        embed_through_beam,
    )
    from pipelines.evaluation.copies import embed_images

    path = model.uri + "/Format-Serving"
    embedded = embed_through_beam(
        beam.Pipeline("FnApiRunner"),
        {
            split: EmbeddingJob(path, example_files(examples, split))
            for split in ("train", "test")
        },
        str(tmp_path / "working"),
    )["train"]
    assert not list(tmp_path.iterdir())
    images = kd.data.load_examples(example_files(examples, "train"))
    np.testing.assert_array_equal(embedded.ids, images.ids)
    np.testing.assert_array_equal(embedded.labels, images.labels)
    np.testing.assert_allclose(
        embedded.embeddings, embed_images(path, images.image_bytes), atol=1e-5
    )


def test_model_is_loaded_once_a_worker(examples, model, tmp_path, monkeypatch):
    import apache_beam as beam
    import tensorflow as tf

    from pipelines.artifacts.examples import example_files
    from pipelines.embedding import beam_embedding

    loaded, load = [], tf.saved_model.load
    monkeypatch.setattr(
        tf.saved_model, "load", lambda path: loaded.append(path) or load(path)
    )
    monkeypatch.setattr(beam_embedding, "_BATCH_SIZE", 8)
    job = beam_embedding.EmbeddingJob(
        model.uri + "/Format-Serving", example_files(examples)
    )
    beam_embedding.embed_through_beam(
        beam.Pipeline("FnApiRunner"), {"images": job}, str(tmp_path / "working")
    )
    assert len(loaded) == 1
