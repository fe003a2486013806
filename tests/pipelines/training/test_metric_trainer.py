import pytest

pytestmark = pytest.mark.pipeline


@pytest.fixture
def arguments(tmp_path):
    """Returns what an executor is given: inputs, outputs, parameters."""
    from tfx.types import artifact_utils, standard_artifacts

    from pipelines.artifacts.types import PseudoLabels

    def artifact(kind, name):
        made = kind()
        made.uri = str(tmp_path / name)
        return [made]

    examples = artifact(standard_artifacts.Examples, "examples")
    examples[0].split_names = artifact_utils.encode_split_names(
        ["train", "test"]
    )
    inputs = {
        "examples": examples,
        "base_model": artifact(standard_artifacts.Model, "base"),
        "pseudo_labels": artifact(PseudoLabels, "labels"),
    }
    outputs = {
        "model": artifact(standard_artifacts.Model, "model"),
        "model_run": artifact(standard_artifacts.ModelRun, "run"),
    }
    parameters = {
        "train_args": '{"splits": ["train"]}',
        "eval_args": '{"splits": ["test"]}',
        "custom_config": '{"train": {"epochs": 3}}',
    }
    return inputs, outputs, parameters


def test_training_function_is_told_where_the_labels_are(arguments, tmp_path):
    from pipelines.training.metric_trainer import Executor

    fn_args = Executor()._GetFnArgs(*arguments)
    assert fn_args.custom_config == {
        "train": {"epochs": 3},
        "pseudo_labels_uri": str(tmp_path / "labels"),
    }
    assert fn_args.base_model == str(tmp_path / "base" / "Format-Serving")


def test_without_labels_nothing_is_told(arguments):
    from pipelines.training.metric_trainer import Executor

    del arguments[0]["pseudo_labels"]
    fn_args = Executor()._GetFnArgs(*arguments)
    assert fn_args.custom_config == {"train": {"epochs": 3}}


@pytest.mark.parametrize(
    "path",
    [
        "pipelines.clustering.clusterer.Clusterer_Executor",
        "pipelines.evaluation.copy_evaluator.CopyEvaluator_Executor",
        "pipelines.training.metric_trainer.Executor",
    ],
)
def test_executors_are_importable_by_name_as_containers_do(path):
    from tfx.dsl.components.base.base_executor import BaseExecutor
    from tfx.utils import import_utils

    assert issubclass(import_utils.import_class_by_path(path), BaseExecutor)
