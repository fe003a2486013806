"""TFX's pipeline, made from the plan of a run."""

import dataclasses
import json
import os
from collections.abc import Callable
from typing import Any

from tfx import types

# Not `tfx.v1`, which loads all of Vertex AI and Kubeflow: ten seconds more.
from tfx.components import ExampleValidator, SchemaGen, StatisticsGen
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline

from pipelines.artifacts.fingerprint import code_fingerprint
from pipelines.clustering.clusterer import Clusterer
from pipelines.configs import PipelineConfig
from pipelines.evaluation.baseline import last_blessed_model
from pipelines.evaluation.copy_evaluator import CopyEvaluator
from pipelines.evaluation.retrieval_evaluator import RetrievalEvaluator
from pipelines.graph.plan import plan_run
from pipelines.graph.step import Step
from pipelines.ingestion.image_example_gen import ImageExampleGen
from pipelines.ingestion.validation import statistics_options
from pipelines.publishing.indexer import Indexer
from pipelines.publishing.pusher import Pusher
from pipelines.reporting.reporter import Reporter
from pipelines.training.checkpoints import CHECKPOINTS
from pipelines.training.metric_trainer import MetricTrainer
from pipelines.training.tuning.tuner import Tuner

_COMPONENTS: dict[str, Any] = {
    "Clusterer": Clusterer,
    "CopyEvaluator": CopyEvaluator,
    "ExampleValidator": ExampleValidator,
    "ImageExampleGen": ImageExampleGen,
    "Indexer": Indexer,
    "Pusher": Pusher,
    "Reporter": Reporter,
    "RetrievalEvaluator": RetrievalEvaluator,
    "SchemaGen": SchemaGen,
    "StatisticsGen": StatisticsGen,
    "Trainer": MetricTrainer,
    "Tuner": Tuner,
}


@dataclasses.dataclass(frozen=True)
class Places:
    """Where a run keeps what: paths, or URIs that all its machines reach.

    Attributes:
        pipeline_root: where artifacts go.
        serving_dir: `saved_models/`, where models are published.
        data_dir: where TFDS prepares its data sets.
    """

    pipeline_root: str
    serving_dir: str
    data_dir: str


def create_pipeline(
    config: PipelineConfig,
    *,
    places: Places,
    input_fingerprint: str = "",
    find_baseline: (
        Callable[[types.BaseChannel], Resolver] | None
    ) = last_blessed_model,
    metadata_connection_config: metadata.ConnectionConfigType | None = None,
    beam_pipeline_args: list[str] | None = None,
) -> Pipeline:
    """Makes the pipeline of a run; runners only decide where things are.

    Args:
        config: the run.
        places: where things are.
        input_fingerprint: changes when the images do.
        find_baseline: from the candidate's channel to the step that looks up
            what it is measured against; `None` for no such step.
        metadata_connection_config: of local runs.
        beam_pipeline_args: for the steps that run on Beam.

    Returns:
        The pipeline.
    """
    # What the plan leaves open: where the run takes place.
    local = {
        "ImageExampleGen": {
            "data_dir": places.data_dir,
            "input_fingerprint": input_fingerprint,
        },
        "StatisticsGen": {
            "stats_options": statistics_options(config.ingest.labelled)
        },
        "Trainer": {
            "checkpoint_root": os.path.join(places.pipeline_root, CHECKPOINTS)
        },
        "Pusher": {"serving_dir": places.serving_dir},
    }
    nodes: dict[str, BaseNode] = {}
    for step in plan_run(config, compare=find_baseline is not None):
        channels = {
            key: nodes[output.step].outputs[output.key]
            for key, output in step.inputs.items()
        }
        if step.component == "LastBlessedModel":
            assert find_baseline is not None  # Or it were not in the plan.
            node = find_baseline(channels["candidate"])
        else:
            node = _component(step, channels, local.get(step.component, {}))
        node.add_upstream_nodes([nodes[name] for name in step.after])
        nodes[step.name] = node.with_id(step.name)
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=places.pipeline_root,
        components=list(nodes.values()),
        enable_cache=True,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(beam_pipeline_args or []),
    )


def _component(
    step: Step, channels: dict[str, types.BaseChannel], local: dict[str, Any]
) -> BaseNode:
    component = _COMPONENTS[step.component]
    arguments = {key: _plain(value) for key, value in step.parameters.items()}
    if component.__module__.startswith("pipelines."):
        arguments["code_fingerprint"] = code_fingerprint(component.__module__)
    return component(**channels, **arguments, **local)


def _plain(value: Any) -> Any:
    """Returns a parameter as components take it."""
    is_collection = isinstance(value, (dict, list, tuple))
    if is_collection or dataclasses.is_dataclass(value):
        return json.dumps(value, default=dataclasses.asdict)
    return value
