"""TFX's Trainer, which also takes the labels that a Clusterer made."""

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
from pipelines.training.trainer import PSEUDO_LABELS_URI

_PSEUDO_LABELS = "pseudo_labels"


class MetricTrainerSpec(TrainerSpec):
    """The specification of TFX's Trainer with one more input."""

    INPUTS = {
        **TrainerSpec.INPUTS,
        _PSEUDO_LABELS: ChannelParameter(type=PseudoLabels, optional=True),
    }


class Executor(executor.GenericExecutor):
    """Tells the training function where the labels are."""

    def _GetFnArgs(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        if input_dict.get(_PSEUDO_LABELS):
            fn_args.custom_config = {
                **fn_args.custom_config,
                PSEUDO_LABELS_URI: artifact_utils.get_single_uri(
                    input_dict[_PSEUDO_LABELS]
                ),
            }
        return fn_args


class MetricTrainer(BaseComponent):
    """Trains a model with `run_fn`, on pseudo-labels where there are any.

    Unlike a path in `custom_config`, an input makes the step wait for its
    labels, run again when they change, and stand in the lineage.

    Args:
        run_fn: dotted path of the training function.
        examples: the images; splits `train` and `test`.
        schema: of the examples.
        custom_config: for the training function, JSON-ready.
        hyperparameters: what a Tuner found, or `None`.
        base_model: what to go on from, or `None`.
        pseudo_labels: what to train on, or `None`.
    """

    SPEC_CLASS = MetricTrainerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        run_fn: str,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        custom_config: dict[str, Any],
        hyperparameters: types.BaseChannel | None = None,
        base_model: types.BaseChannel | None = None,
        pseudo_labels: types.BaseChannel | None = None,
    ):
        super().__init__(
            MetricTrainerSpec(
                run_fn=run_fn,
                examples=examples,
                schema=schema,
                hyperparameters=hyperparameters,
                base_model=base_model,
                pseudo_labels=pseudo_labels,
                custom_config=json_utils.dumps(custom_config),
                train_args=trainer_pb2.TrainArgs(splits=["train"]),
                eval_args=trainer_pb2.EvalArgs(splits=["test"]),
                model=types.Channel(type=standard_artifacts.Model),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
            )
        )
