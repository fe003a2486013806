"""What is compiled for Kubeflow, read as a cluster would read it."""

import contextlib
import importlib
import json
import re

import pytest
import yaml

from pipelines.configs import config_names, load_config
from pipelines.graph.plan import plan_run
from pipelines.kubeflow_runner import compile_pipeline, main

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("kubeflow")]

IMAGE = "registry.example/keras_dvml:1"
ROOT = "gs://bucket/kd"
# As TFX names the two halves of its look-up.
LOOK_UP = {
    "LastBlessedModel-model-resolver",
    "LastBlessedModel-model-blessing-resolver",
}


def over_datasets():
    names = []
    for name in config_names():
        # Others refuse to be made without a folder.
        with contextlib.suppress(ValueError):
            load_config(name)
            names.append(name)
    return names


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Compiles a configuration once and returns the path of the file."""
    folder = tmp_path_factory.mktemp("compiled")

    def compile_to(name, suffix, **options):
        path = folder / f"{name}-{options}{suffix}"
        if not path.exists():
            compile_pipeline(
                load_config(name),
                image=IMAGE,
                root=ROOT,
                output=str(path),
                **options,
            )
        return path

    return compile_to


@pytest.fixture(params=over_datasets())
def job(request, compiled):
    """The JSON of a run, and its graph."""
    path = compiled(request.param, ".json")
    steps = {step.name: step for step in plan_run(load_config(request.param))}
    return json.loads(path.read_text()), steps


def tasks_of(job):
    return job["pipelineSpec"]["root"]["dag"]["tasks"]


def containers_of(job):
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]
    return {
        name.removesuffix("_executor"): executor["container"]
        for name, executor in executors.items()
        if "container" in executor
    }


def test_every_step_is_a_task(job):
    job, steps = job
    expected = set(steps) - {"LastBlessedModel"} | LOOK_UP
    assert set(tasks_of(job)) == expected


def test_every_task_waits_for_the_steps_that_it_waits_for_here(job):
    job, steps = job
    tasks = tasks_of(job)
    for name in set(steps) - {"LastBlessedModel"}:
        upstream = set(tasks[name].get("dependentTasks", []))
        assert upstream <= set(tasks)
        found = {"LastBlessedModel" if t in LOOK_UP else t for t in upstream}
        assert found == set(steps[name].upstream)


def test_every_input_is_an_output_of_the_task_that_is_named(job):
    job, _ = job
    components = job["pipelineSpec"]["components"]
    for task in tasks_of(job).values():
        for one in task.get("inputs", {}).get("artifacts", {}).values():
            source = one["taskOutputArtifact"]
            producer = tasks_of(job)[source["producerTask"]]
            outputs = components[producer["componentRef"]["name"]]
            assert (
                source["outputArtifactKey"]
                in outputs["outputDefinitions"]["artifacts"]
            )


def test_every_container_runs_an_importable_executor_in_the_image(job):
    job, _ = job
    containers = containers_of(job)
    assert set(containers) == set(tasks_of(job)) - LOOK_UP
    for container in containers.values():
        assert container["image"] == IMAGE
        assert container["command"][:2] == ["python", "-m"]
        assert importlib.util.find_spec(container["command"][2])
        path = container["args"][
            container["args"].index("--executor_class_path") + 1
        ]
        module, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(module), name)
        assert "--runner=FnApiRunner" in container["args"]


def test_every_artifact_type_can_be_imported_by_its_title(job):
    from tfx.orchestration.kubeflow.v2 import compiler_utils

    job, _ = job
    titles = set(re.findall(r"title: ([\w.]+)", json.dumps(job)))
    assert {"pipelines.Report", "pipelines.Quarantine"} <= titles
    for title in titles:
        path = compiler_utils.TITLE_TO_CLASS_PATH.get(title, title)
        module, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(module), name)


def test_nothing_lies_on_the_machine_that_compiled(job):
    job, _ = job
    text = json.dumps(job)
    # A path in quotes, and in JSON within JSON.
    assert not re.findall(r'"\\*/[^"]+"', text)
    assert job["runtimeConfig"]["gcsOutputDirectory"].startswith(ROOT)
    pusher = tasks_of(job)["Pusher"]["inputs"]["parameters"]
    assert pusher["serving_dir"]["runtimeValue"]["constant"] == (
        f"{ROOT}/saved_models"
    )


def test_name_is_one_that_kubeflow_takes(job):
    job, _ = job
    name = job["pipelineSpec"]["pipelineInfo"]["name"]
    assert re.fullmatch("[a-z0-9][a-z0-9-]{0,127}", name)


def test_yaml_holds_the_specification_of_the_json(compiled):
    job = json.loads(compiled("glyphs_udml", ".json").read_text())
    spec = yaml.safe_load(compiled("glyphs_udml", ".yaml").read_text())
    assert spec == job["pipelineSpec"]
    assert spec["schemaVersion"] == "2.1.0"


def test_first_run_may_do_without_a_model_to_compare_with(compiled):
    path = compiled("glyphs_dvml", ".json", compare=False)
    tasks = tasks_of(json.loads(path.read_text()))
    assert not LOOK_UP & set(tasks)
    inputs = tasks["RetrievalEvaluator_dvml"]["inputs"]
    assert "baseline_model" not in inputs["artifacts"]
    # Without a tolerance it would not bless anything.
    assert "tolerance" in inputs["parameters"]


def test_beam_flags_reach_the_containers(compiled):
    path = compiled(
        "glyphs_dvml", ".json", beam_flags="--runner=DataflowRunner --region=r"
    )
    containers = containers_of(json.loads(path.read_text()))
    assert containers["ImageExampleGen"]["args"][-3:] == [
        "--runner=DataflowRunner",
        "--region=r",
        "--sdk_container_image=keras_dvml",
    ]


def test_tuning_is_compiled_where_it_is_asked_for(tmp_path):
    path = tmp_path / "tuned.yaml"
    arguments = ["--config", "glyphs_dvml", "--set", "tune.trials=2"]
    arguments += ["--image", IMAGE, "--root", ROOT, "--output", str(path)]
    assert main(arguments) == 0
    tasks = yaml.safe_load(path.read_text())["root"]["dag"]["tasks"]
    told = tasks["Trainer_dvml"]["inputs"]["artifacts"]["hyperparameters"]
    assert told["taskOutputArtifact"] == {
        "producerTask": "Tuner",
        "outputArtifactKey": "best_hyperparameters",
    }
    assert (
        "hyperparameters"
        not in (tasks["Trainer_triplet"]["inputs"]["artifacts"])
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "glyphs_dvm"], "Did you mean `glyphs_dvml`"),
        (["--config", "glyphs_dvml", "--root", "/tmp/x"], "must be a URI"),
        (["--config", "glyphs_dvml", "--output", "a.txt"], "must end in"),
        (["--config", "glyphs_dvml", "--output", "a.tar.gz"], "must end in"),
        (["--config", "folder_dvml", "--images", "x"], "path of this machine"),
        (["--config", "glyphs_dvml", "--root", "gs://b/k[1]"], "a pattern"),
    ],
)
def test_what_a_cluster_could_not_run_is_refused(
    arguments, message, capsys, tmp_path
):
    given = ["--image", IMAGE, "--root", ROOT]
    given += ["--output", str(tmp_path / "p.yaml")]
    assert main([*given, *arguments]) == 1
    assert message in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_command_line_writes_the_file_and_says_so(tmp_path, capsys):
    path = tmp_path / "new" / "pipeline.json"
    arguments = ["--config", "glyphs_dvml", "--set", "train.epochs=2"]
    arguments += ["--image", IMAGE, "--root", ROOT, "--output", str(path)]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"Wrote {path}\n"
    tasks = tasks_of(json.loads(path.read_text()))
    parameters = tasks["Trainer_dvml"]["inputs"]["parameters"]
    custom = json.loads(parameters["custom_config"]["runtimeValue"]["constant"])
    assert custom["train"]["epochs"] == 2
