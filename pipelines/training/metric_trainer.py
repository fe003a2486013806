"""TFX's Trainer, which also takes the labels that a Clusterer made."""

# The classes of protocol buffers are made as they are loaded.
# pyright: reportAttributeAccessIssue=false

import json
from typing import Any

from tfx import types
from tfx.components.trainer import executor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter
from tfx.types.standard_component_specs import TrainerSpec
from tfx.utils import json_utils

from pipelines.artifacts.types import PseudoLabels

_RUN_FN = "pipelines.training.trainer.run_fn"
_MULTI_WORKER_RUN_FN = "pipelines.training.distributed.chief.run_fn"


class MetricTrainerSpec(TrainerSpec):
    """The specification of TFX's Trainer with one more input."""

    INPUTS = {
        **TrainerSpec.INPUTS,
        "pseudo_labels": ChannelParameter(type=PseudoLabels, optional=True),
    }


class Executor(executor.GenericExecutor):
    """Passes the labels on to the training function."""

    def _GetFnArgs(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        if labels := input_dict.get("pseudo_labels"):
            uri = artifact_utils.get_single_uri(labels)
            fn_args.custom_config["pseudo_labels_uri"] = uri
        return fn_args


class MetricTrainer(BaseComponent):
    """Trains a model, on pseudo-labels where there are any.

    Unlike a path in `custom_config`, an input makes the step wait for its
    labels, run again when they change, and appear in the lineage.

    Args:
        examples: the images; splits `train` and `test`.
        schema: of the examples.
        train: fields of a `TrainConfig`, as JSON.
        checkpoint_root: folder for the states of interrupted trainings.
        code_fingerprint: changes when the code does; the cache reads it, and
            what a training resumes depends on it.
        hyperparameters: what a Tuner found, or `None`.
        base_model: what to continue from, or `None`.
        pseudo_labels: what to train on, or `None`.
    """

    SPEC_CLASS = MetricTrainerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        train: str,
        checkpoint_root: str = "",
        code_fingerprint: str = "",
        hyperparameters: types.BaseChannel | None = None,
        base_model: types.BaseChannel | None = None,
        pseudo_labels: types.BaseChannel | None = None,
    ) -> None:
        config = json.loads(train)
        several = config["strategy"] == "multi_worker"
        splits = ["train", "test"] if config["refit_on_all"] else ["train"]
        super().__init__(
            MetricTrainerSpec(
                run_fn=_MULTI_WORKER_RUN_FN if several else _RUN_FN,
                examples=examples,
                schema=schema,
                hyperparameters=hyperparameters,
                base_model=base_model,
                pseudo_labels=pseudo_labels,
                custom_config=json_utils.dumps(
                    {
                        "train": config,
                        "checkpoint_root": checkpoint_root,
                        "code_fingerprint": code_fingerprint,
                    }
                ),
                train_args=trainer_pb2.TrainArgs(splits=splits),
                eval_args=trainer_pb2.EvalArgs(splits=["test"]),
                model=types.Channel(type=standard_artifacts.Model),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
            )
        )
