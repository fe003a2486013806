"""Each component in TFX's own container entry point, as a cluster runs it.

The compiled file is followed task by task. What Kubeflow does is done by hand:
it gives each task the URIs of its artifacts and hands on what the task before
left in its `executor_output.json`.
"""

import dataclasses
import json
import pathlib
import sys
from unittest import mock

import pytest

from pipelines.configs import RoundsConfig, TuneConfig

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("kubeflow")]

ROOT = "memory://bucket/kd"


class Cluster:
    """Runs the tasks of a compiled pipeline below a folder.

    Attributes:
        artifacts: `(task, output key)` to what is known of the artifact.
    """

    def __init__(self, job, folder):
        self._spec = job["pipelineSpec"]
        self._tasks = self._spec["root"]["dag"]["tasks"]
        self._folder = folder
        self.artifacts = {}

    def run_all(self):
        while waiting := [
            name
            for name in self._tasks
            if name not in {task for task, _ in self.artifacts}
        ]:
            done = set(self._tasks) - set(waiting)
            ready = [
                name
                for name in waiting
                if set(self._tasks[name].get("dependentTasks", [])) <= done
            ]
            for name in ready:
                self.run(name)

    def run(self, name, folder=None, **inputs):
        """Runs a task; its outputs lie below the folder, local or not."""
        from tfx.dsl.io import fileio
        from tfx.orchestration.kubeflow.v2.container import (
            kubeflow_v2_run_executor as entry_point,
        )

        folder = folder or self._folder
        task = self._tasks[name]
        component = self._spec["components"][task["componentRef"]["name"]]
        container = self._spec["deploymentSpec"]["executors"][
            component["executorLabel"]
        ]["container"]
        for key, source in task["inputs"].get("artifacts", {}).items():
            made = source["taskOutputArtifact"]
            made = made["producerTask"], made["outputArtifactKey"]
            inputs.setdefault(key, self.artifacts.get(made))
        outputs = {
            key: {
                "name": f"artifacts/{name}-{key}",
                "type": definition["artifactType"],
                "uri": f"{folder}/{name}/{key}",
            }
            for key, definition in component["outputDefinitions"][
                "artifacts"
            ].items()
        }
        for output in outputs.values():
            fileio.makedirs(output["uri"])
        output_file = f"{folder}/{name}/executor_output.json"
        invocation = {
            "inputs": {
                "artifacts": _lists(inputs),
                "parameterValues": {
                    key: _placed(value["runtimeValue"]["constant"], folder)
                    for key, value in task["inputs"]
                    .get("parameters", {})
                    .items()
                },
            },
            "outputs": {
                "artifacts": _lists(outputs),
                "outputFile": output_file,
            },
        }
        arguments = [
            json.dumps(invocation) if argument == "{{$}}" else argument
            for argument in container["args"]
        ]
        assert container["command"] == ["python", "-m", entry_point.__name__]
        # TFX takes the process's arguments for its flags, pytest's as well.
        with mock.patch.object(sys, "argv", ["program", *arguments]):
            entry_point.main(entry_point._parse_flags(sys.argv))
        with fileio.open(output_file) as stream:
            left = json.loads(stream.read())["artifacts"]
        for key, output in outputs.items():
            (artifact,) = left[key]["artifacts"]
            self.artifacts[name, key] = {**output, **artifact}


def _placed(value, folder):
    """Puts what would be below the root below the folder."""
    return value.replace(ROOT, str(folder)) if isinstance(value, str) else value


def _lists(artifacts):
    return {
        key: {"artifacts": [artifact] if artifact else []}
        for key, artifact in artifacts.items()
    }


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    def compile_job(config):
        from pipelines.kubeflow_runner import compile_pipeline

        path = tmp_path_factory.mktemp("job") / "pipeline.json"
        # The images are in the image, as far as these containers know.
        relative = dataclasses.replace(
            config, ingest=dataclasses.replace(config.ingest, folder="IMAGES")
        )
        compile_pipeline(
            relative, image="image", root=ROOT, output=str(path), compare=False
        )
        text = path.read_text().replace("IMAGES", config.ingest.folder)
        return json.loads(text)

    return compile_job


@pytest.fixture(scope="module")
def config(tmp_path_factory, write_images, tiny_config):
    images = tmp_path_factory.mktemp("container") / "images"
    write_images(images, num_classes=4, images_per_class=6)
    config = tiny_config(images)
    return dataclasses.replace(
        config,
        train=dataclasses.replace(config.train, epochs=1),
        rounds=RoundsConfig(num_rounds=1, epochs_per_round=1, num_clusters=3),
        methods=("udml",),
        candidate="udml",
    )


@pytest.fixture(scope="module")
def begun(config, compiled, tmp_path_factory):
    """A cluster in which the first tasks have run, each after the other."""
    cluster = Cluster(compiled(config), tmp_path_factory.mktemp("cluster"))
    for task in ("ImageExampleGen", "Trainer_udml_0", "Clusterer_udml_1"):
        cluster.run(task)
    return cluster


@pytest.fixture(scope="module")
def cluster(begun):
    begun.run_all()
    return begun


@pytest.mark.slow
def test_every_task_of_the_pipeline_comes_to_its_end(cluster):
    ran = {task for task, _ in cluster.artifacts}
    assert {"Trainer_udml_1", "Clusterer_udml_final", "Reporter"} <= ran
    assert cluster.artifacts["Reporter", "report"]["type"]


@pytest.mark.slow
def test_custom_artifacts_hand_on_what_they_hold(begun):
    labels = begun.artifacts["Clusterer_udml_1", "pseudo_labels"]
    assert labels["metadata"]["round"] == 1
    assert "pipelines.PseudoLabels" in json.dumps(labels["type"])
    assert "3 clusters" in labels["metadata"]["summary"]
    text = pathlib.Path(labels["uri"], "pseudo_labels.csv").read_text()
    # Half of the 24 images, and the line of titles.
    assert len(text.splitlines()) == 13


@pytest.mark.slow
def test_blessing_carries_the_name_of_the_model_that_was_blessed(cluster):
    blessing = cluster.artifacts["RetrievalEvaluator_udml", "blessing"]
    assert blessing["metadata"]["blessed"] == 1
    assert (
        blessing["metadata"]["current_model_id"]
        == "artifacts/Trainer_udml_1-model"
    )


@pytest.mark.slow
def test_pushed_model_lies_where_the_command_line_said(cluster):
    pushed = cluster.artifacts["Pusher", "pushed_model"]
    folder = pathlib.Path(pushed["metadata"]["pushed_destination"])
    assert folder.parts[-3:] == ("saved_models", "squares", "1")
    assert (folder / "saved_model.pb").is_file()


@pytest.mark.slow
def test_later_candidate_is_measured_against_the_blessed_model(
    cluster, config, compiled, tmp_path
):
    later = Cluster(compiled(config), tmp_path)
    later.artifacts = dict(cluster.artifacts)
    blessed = cluster.artifacts["Trainer_udml_0", "model"]
    later.run("RetrievalEvaluator_udml", baseline_model=blessed)
    blessing = later.artifacts["RetrievalEvaluator_udml", "blessing"]
    assert blessing["metadata"]["baseline_model_id"] == blessed["name"]


@pytest.mark.slow
def test_evaluator_without_labels_runs_in_its_container(
    cluster, config, compiled, tmp_path
):
    unlabelled = dataclasses.replace(
        config, ingest=dataclasses.replace(config.ingest, labelled=False)
    )
    other = Cluster(compiled(unlabelled), tmp_path)
    other.artifacts = dict(cluster.artifacts)
    other.run("CopyEvaluator_udml")
    blessing = other.artifacts["CopyEvaluator_udml", "blessing"]
    assert (
        blessing["metadata"]["current_model_id"]
        == "artifacts/Trainer_udml_1-model"
    )


@pytest.mark.slow
def test_tuner_hands_its_values_to_the_trainer_in_containers(
    cluster, config, compiled, tmp_path, write_images
):
    # Four classes to train on: two to train trials on, and two others.
    images = write_images(tmp_path / "images", 8, 5)
    ingest = dataclasses.replace(config.ingest, folder=str(images))
    tuned = dataclasses.replace(
        config,
        ingest=ingest,
        methods=("dvml",),
        candidate="dvml",
        tune=TuneConfig(trials=2, epochs=1),
    )
    other = Cluster(compiled(tuned), tmp_path)
    for task in ("ImageExampleGen", "StatisticsGen", "SchemaGen"):
        other.run(task)
    other.run("Tuner")
    other.run("Trainer_dvml")
    results = other.artifacts["Tuner", "tuner_results"]
    assert "2 trials on 2 classes" in results["metadata"]["summary"]
    assert pathlib.Path(results["uri"], "trials.html").is_file()
    assert other.artifacts["Trainer_dvml", "model"]["type"]


@pytest.mark.slow
def test_models_go_through_an_object_store(
    cluster, config, compiled, tmp_path, monkeypatch
):
    import tensorflow as tf

    monkeypatch.syspath_prepend(pathlib.Path(__file__).parent)
    import ram_file_system  # noqa: F401

    # Where a path is mistaken for a local one, a folder is made here.
    monkeypatch.chdir(tmp_path)
    store = "ram://bucket/kd"
    remote = Cluster(compiled(config), tmp_path)
    remote.artifacts = dict(cluster.artifacts)
    for task in (
        *("Trainer_udml_0", "Trainer_udml_1", "RetrievalEvaluator_udml"),
        *("Indexer", "Pusher", "Reporter"),
    ):
        remote.run(task, folder=store)
    pushed = remote.artifacts["Pusher", "pushed_model"]["metadata"]
    path = f"{store}/saved_models/squares/1"
    assert pushed["pushed_destination"] == path
    assert "search" in tf.saved_model.load(path).signatures
    with tf.io.gfile.GFile(f"{store}/Reporter/report/report.html") as page:
        # One search for each of the two classes to test on.
        assert page.read().count('class="search"') == 2
    assert not (tmp_path / "ram:").exists()
