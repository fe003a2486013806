"""Runs a pipeline in this process, one visible step after the other."""

# The classes of protocol buffers are made as they are loaded.
# pyright: reportAttributeAccessIssue=false

import contextlib
import dataclasses
import datetime
from collections.abc import Callable
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable import runtime_parameter_utils
from tfx.orchestration.portable.mlmd import context_lib, execution_lib
from tfx.proto.orchestration import pipeline_pb2

from pipelines.artifacts.histories import (
    CURVE,
    History,
    num_epochs,
    read_history,
)
from pipelines.ingestion.validation import describe_anomalies
from pipelines.runners.progress import Progress

_CACHED = metadata_store_pb2.Execution.CACHED


@dataclasses.dataclass(frozen=True)
class StepOutcome:
    """How a step ended.

    Attributes:
        is_cached: whether an earlier run's outputs were taken.
        seconds: it took.
        outputs: output key to artifacts.
    """

    is_cached: bool
    seconds: float
    outputs: dict[str, list[Any]]

    @property
    def summary(self) -> str:
        """What came out, in the words of the step itself where it has any."""
        artifacts = [a for group in self.outputs.values() for a in group]
        summaries = [a.get_string_custom_property("summary") for a in artifacts]
        if any(summaries):
            return "; ".join(filter(None, summaries))
        if self.outputs.get("anomalies"):
            (anomalies,) = self.outputs["anomalies"]
            return describe_anomalies(anomalies)
        if self.outputs.get("model_run"):
            (run,) = self.outputs["model_run"]
            return describe_training(read_history(run.uri))
        return ", ".join(key for key, group in self.outputs.items() if group)


def describe_training(history: History) -> str:
    """Describes in a line what came out of a training.

    Args:
        history: of all epochs, those of earlier rounds among them.

    Example:
        >>> describe_training({"loss": [2.0, 0.5], "val_recall@1": [0.1, None]})
        '2 epochs, loss 0.500'
    """
    epochs = num_epochs(history)
    if not epochs:
        return "the first weights, not trained"
    last = {name: history.get(name, [None])[-1] for name in ("loss", CURVE)}
    shown = [f"{k} {v:.3f}" for k, v in last.items() if v is not None]
    return ", ".join([f"{epochs} epochs", *shown])


class StepRunner(LocalDagRunner):
    """TFX's local runner, told step by step so that each can be reported.

    Args:
        progress: to report to.
        around_step: gives a context for each step to run in.

    Attributes:
        outcomes: step id to `StepOutcome`, filled as the run goes on.
    """

    def __init__(
        self,
        progress: Progress,
        around_step: Callable[[], contextlib.AbstractContextManager],
    ) -> None:
        super().__init__()
        self._progress = progress
        self._around_step = around_step
        self.outcomes: dict[str, StepOutcome] = {}

    def run_with_ir(
        self,
        pipeline: pipeline_pb2.Pipeline,
        run_options: pipeline_pb2.RunOptions | None = None,
    ) -> None:
        """Runs the nodes in order; see `LocalDagRunner`.

        Raises:
            RuntimeError: when TFX could not resolve a step's inputs, which
                it would log and otherwise pass over.
        """
        # One run id for all: the nodes are handed over one by one below.
        now = datetime.datetime.now().isoformat()
        run_id = {constants.PIPELINE_RUN_ID_PARAMETER_NAME: now}
        runtime_parameter_utils.substitute_runtime_parameter(pipeline, run_id)
        num_steps = len(pipeline.nodes)
        for number, node in enumerate(pipeline.nodes, start=1):
            step = node.pipeline_node.node_info.id
            single = pipeline_pb2.Pipeline()
            single.CopyFrom(pipeline)
            del single.nodes[:]
            single.nodes.append(node)
            with self._progress.step(step), self._around_step():
                super().run_with_ir(single, run_options)
            outcome = self._outcome(pipeline, node.pipeline_node)
            self.outcomes[step] = outcome
            time = "reused" if outcome.is_cached else f"{outcome.seconds:.1f} s"
            self._progress.write(
                f"[{number:2}/{num_steps}] {step:29}{time:>8}  "
                f"{outcome.summary}"
            )

    def _outcome(
        self, pipeline: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode
    ) -> StepOutcome:
        config = runner_utils.extract_local_deployment_config(pipeline)
        connection = config.metadata_connection_config
        kind = connection.WhichOneof("connection_config")
        with metadata.Metadata(getattr(connection, kind)) as handle:
            contexts = context_lib.prepare_contexts(
                metadata_handle=handle, node_contexts=node.contexts
            )
            executions = (
                execution_lib.get_executions_associated_with_all_contexts(
                    handle, contexts
                )
            )
            execution = max(executions, key=lambda e: e.id)
            if not execution_lib.is_execution_successful(execution):
                raise RuntimeError(
                    f"{node.node_info.id} did not run: its inputs are missing"
                )
            outputs = execution_lib.get_output_artifacts(handle, execution.id)
        return StepOutcome(
            is_cached=execution.last_known_state == _CACHED,
            seconds=self._progress.seconds_in_step,
            outputs=dict(outputs),
        )
