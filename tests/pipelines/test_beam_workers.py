"""Worker processes give what one process gives, in whatever order.

Each step on Beam is run by its executor, as TFX runs it.
"""

import json
import pathlib

import numpy as np
import pytest

pytestmark = pytest.mark.pipeline

ONE_WORKER = "--direct_running_mode=multi_processing --direct_num_workers=1"
TWO_WORKERS = "--direct_running_mode=multi_processing --direct_num_workers=2"


@pytest.fixture(scope="module")
def images(tmp_path_factory, write_images):
    folder = tmp_path_factory.mktemp("workers") / "images"
    write_images(folder, num_classes=4, images_per_class=8)
    (folder / "class_1" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n...")
    return folder


@pytest.fixture(scope="module")
def ingest(images, artifact, run_executor):
    def run(flags):
        from tfx.types import standard_artifacts

        from pipelines.artifacts.types import Quarantine
        from pipelines.ingestion.image_example_gen import ImageExampleGen

        examples = artifact(standard_artifacts.Examples)
        quarantine = artifact(Quarantine)
        run_executor(
            ImageExampleGen.EXECUTOR_SPEC.executor_class,
            flags,
            {},
            {"examples": [examples], "quarantine": [quarantine]},
            {
                "ingest": json.dumps(
                    {"folder": str(images), "max_bad_fraction": 0.1}
                )
            },
        )
        return examples, quarantine

    return run


@pytest.fixture(scope="module")
def ingested(ingest):
    return ingest("")


@pytest.fixture(scope="module")
def model(artifact):
    import keras
    from tfx.types import standard_artifacts

    import keras_dvml as kd
    from pipelines.artifacts.models import write_classes
    from pipelines.configs import TrainConfig
    from pipelines.training.methods import build_model

    made = artifact(standard_artifacts.Model)
    keras.utils.set_random_seed(0)
    model = build_model(
        TrainConfig(
            method="udml", image_size=16, widths=(4, 8), embedding_dim=6
        )
    )
    kd.serving.write_saved_model(model, made.uri + "/Format-Serving")
    model.save(made.uri + "/model.keras")
    write_classes(made.uri, [])
    return made


@pytest.mark.slow
def test_workers_ingest_the_same_images(ingest, ingested):
    import keras_dvml as kd
    from pipelines.artifacts.examples import example_files

    def contents(examples):
        return {
            split: [
                (str(image_id), image, int(label))
                for image_id, image, label in sorted(
                    zip(
                        loaded.ids,
                        loaded.image_bytes,
                        loaded.labels,
                        strict=True,
                    )
                )
            ]
            for split in ("train", "test")
            for loaded in [
                kd.data.load_examples(example_files(examples, split))
            ]
        }

    examples, quarantine = ingest(TWO_WORKERS)
    alone, alone_quarantine = ingested
    assert contents(examples) == contents(alone)
    assert len(contents(alone)["train"]) == 16
    for name in ("quarantine.json", "class_sizes.json"):
        found, expected = (
            json.loads(pathlib.Path(one.uri, name).read_text())
            for one in (quarantine, alone_quarantine)
        )
        assert found == expected


# What TFX's own code lacks in another process, one worker lacks already.
@pytest.mark.slow
@pytest.mark.parametrize("workers", [ONE_WORKER, TWO_WORKERS])
def test_workers_count_the_same_statistics(
    workers, ingested, artifact, run_executor
):
    import tensorflow_data_validation as tfdv
    from tfx.components.statistics_gen.executor import Executor
    from tfx.types import standard_artifacts

    from pipelines.ingestion.validation import statistics_options

    def statistics(flags):
        made = artifact(standard_artifacts.ExampleStatistics)
        run_executor(
            Executor,
            flags,
            {"examples": [ingested[0]]},
            {"statistics": [made]},
            {
                "stats_options_json": statistics_options(True).to_json(),
                "exclude_splits": "[]",
            },
        )
        path = pathlib.Path(made.uri, "Split-train", "FeatureStats.pb")
        return tfdv.load_stats_binary(str(path))

    alone = statistics("")
    assert alone.datasets[0].num_examples == 16
    assert statistics(workers) == alone


@pytest.mark.slow
def test_workers_embed_and_cluster_the_same(
    ingested, model, artifact, run_executor
):
    from pipelines.artifacts.pseudo_label_table import read_pseudo_labels
    from pipelines.artifacts.types import PseudoLabels
    from pipelines.clustering.clusterer import Clusterer

    def cluster(flags):
        made = artifact(PseudoLabels)
        run_executor(
            Clusterer.EXECUTOR_SPEC.executor_class,
            flags,
            {"examples": [ingested[0]], "model": [model]},
            {"pseudo_labels": [made]},
            {"round_number": 1, "num_clusters": 3},
        )
        return read_pseudo_labels(made.uri)

    alone, together = cluster(""), cluster(TWO_WORKERS)
    np.testing.assert_array_equal(together.ids, alone.ids)
    np.testing.assert_array_equal(together.clusters, alone.clusters)
    # What an image is batched with moves the last digits of its embedding.
    np.testing.assert_allclose(together.centroids, alone.centroids, atol=1e-5)


@pytest.fixture(scope="module")
def baseline(model, artifact):
    """The same model under another number, blessed before."""
    import shutil

    from tfx.types import standard_artifacts

    made = artifact(standard_artifacts.Model)
    made.id = 7
    shutil.copytree(model.uri, made.uri, dirs_exist_ok=True)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", ["RetrievalEvaluator", "CopyEvaluator"])
def test_workers_measure_the_same(
    name, ingested, model, baseline, artifact, run_executor
):
    from tfx.types import standard_artifacts

    from pipelines.evaluation import copy_evaluator, retrieval_evaluator

    component = {
        "RetrievalEvaluator": retrieval_evaluator.RetrievalEvaluator,
        "CopyEvaluator": copy_evaluator.CopyEvaluator,
    }[name]

    def measure(flags):
        evaluation = artifact(standard_artifacts.ModelEvaluation)
        run_executor(
            component.EXECUTOR_SPEC.executor_class,
            flags,
            {
                "examples": [ingested[0]],
                "model": [model],
                "baseline_model": [baseline],
            },
            {
                "evaluation": [evaluation],
                "blessing": [artifact(standard_artifacts.ModelBlessing)],
            },
            {"tolerance": 0.0},
        )
        folder = pathlib.Path(evaluation.uri)
        assert sorted(one.name for one in folder.iterdir()) == [
            *("embeddings.npz", "intervals.json", "scores.json")
        ]
        return (
            json.loads((folder / "scores.json").read_text()),
            dict(np.load(folder / "embeddings.npz")),
        )

    alone, embedded_alone = measure("")
    together, embedded = measure(TWO_WORKERS)
    assert together == pytest.approx(alone)
    assert list(embedded) == list(embedded_alone)
    np.testing.assert_array_equal(embedded["ids"], embedded_alone["ids"])
    np.testing.assert_allclose(
        embedded["embeddings"], embedded_alone["embeddings"], atol=1e-5
    )


@pytest.mark.slow
def test_workers_index_the_same(ingested, model, artifact, run_executor):
    import tensorflow as tf
    from tfx.types import standard_artifacts

    import keras_dvml as kd
    from pipelines.artifacts.examples import example_files
    from pipelines.publishing.indexer import Indexer

    images = kd.data.load_examples(example_files(ingested[0]))

    def index(flags):
        exact = artifact(standard_artifacts.Model)
        run_executor(
            Indexer.EXECUTOR_SPEC.executor_class,
            flags,
            {"examples": [ingested[0]], "trained_model": [model]},
            {
                "model": [exact],
                "scann_model": [artifact(standard_artifacts.Model)],
            },
            {"num_neighbors": 3, "false_match_rate": 0.1},
        )
        served = tf.saved_model.load(exact.uri + "/Format-Serving")
        found = served.signatures["search"](
            image_bytes=tf.constant(list(images.image_bytes))
        )
        return {name: value.numpy() for name, value in found.items()}

    alone, together = index(""), index(TWO_WORKERS)
    np.testing.assert_array_equal(
        [row[0].decode() for row in alone["ids"]], images.ids
    )
    np.testing.assert_array_equal(together["ids"][:, 0], alone["ids"][:, 0])
    np.testing.assert_allclose(together["scores"], alone["scores"], atol=1e-5)
