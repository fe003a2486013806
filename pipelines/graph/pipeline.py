"""The graph: which step follows which, and what each is told."""

import dataclasses
import json
import os
from collections.abc import Callable

from tfx import types

# Not `tfx.v1`, which loads all of Vertex AI and Kubeflow: ten seconds more.
from tfx.components import ExampleValidator, SchemaGen, StatisticsGen
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline

from pipelines.artifacts.fingerprint import code_fingerprint
from pipelines.configs import UNSUPERVISED, PipelineConfig, TrainConfig
from pipelines.evaluation.baseline import last_blessed_model
from pipelines.evaluation.copy_evaluator import CopyEvaluator
from pipelines.evaluation.retrieval_evaluator import RetrievalEvaluator
from pipelines.graph.config_notes import describe_config
from pipelines.graph.rounds import (
    EMBEDDING_CODE,
    TRAINING_CODE,
    train_in_rounds,
    train_once,
)
from pipelines.ingestion.image_example_gen import (
    ImageExampleGen,
    ingest_parameters,
)
from pipelines.ingestion.statistics_options import statistics_options
from pipelines.publishing.indexer import Indexer
from pipelines.publishing.pusher import Pusher
from pipelines.reporting.reporter import Reporter
from pipelines.training.checkpoints import CHECKPOINTS
from pipelines.training.tuning.tuner import Tuner


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
    """Builds the graph of a run; runners only say where things are.

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
    ingest = config.ingest

    # Reads the images, sets bad files aside, splits by class or by chance.
    example_gen = ImageExampleGen(
        **ingest_parameters(ingest),
        data_dir=places.data_dir,
        input_fingerprint=input_fingerprint,
        code_fingerprint=code_fingerprint(
            "keras_dvml.data",
            "pipelines.sources",
            "pipelines.ingestion.beam_reading",
            "pipelines.ingestion.image_example_gen",
            "pipelines.ingestion.checks",
        ),
    )
    examples = example_gen.outputs["examples"]

    # Counts the images of each class.
    statistics_gen = StatisticsGen(
        examples=examples,
        stats_options=statistics_options(ingest.labelled),
    )

    # Says what a label, or without labels an id, looks like.
    schema_gen = SchemaGen(statistics=statistics_gen.outputs["statistics"])

    # Finds those that look otherwise.
    example_validator = ExampleValidator(
        statistics=statistics_gen.outputs["statistics"],
        schema=schema_gen.outputs["schema"],
    )
    steps = [example_gen, statistics_gen, schema_gen, example_validator]

    reported = {"anomalies": example_validator.outputs["anomalies"]}
    checkpoint_root = os.path.join(places.pipeline_root, CHECKPOINTS)
    trained, evaluators = {}, {}
    for method in config.methods:
        train = dataclasses.replace(config.train, method=method)
        schema = schema_gen.outputs["schema"]
        hyperparameters = None
        if config.tune.trials and method == config.candidate:
            # Seeks its loss and weights, on classes to train on alone.
            tuner = _tuner(config, train, examples)
            steps.append(tuner)
            hyperparameters = tuner.outputs["best_hyperparameters"]
            reported["tuner_results"] = tuner.outputs["tuner_results"]

        # Trains a model with this method, on labels or on its own clusters.
        if method in UNSUPERVISED:
            trained[method] = train_in_rounds(
                config,
                train,
                checkpoint_root,
                examples=examples,
                schema=schema,
            )
        else:
            trained[method] = train_once(
                train,
                checkpoint_root,
                examples=examples,
                schema=schema,
                hyperparameters=hyperparameters,
            )
        model = trained[method].trainer.outputs["model"]
        steps += trained[method].steps

        blessing_inputs = {}
        if method == config.candidate:
            blessing_inputs = {"tolerance": config.evaluation.tolerance}
        if method == config.candidate and find_baseline:
            # Looks up the last model that was good enough.
            baseline = find_baseline(model)
            steps.append(baseline)
            blessing_inputs["baseline_model"] = baseline.outputs["model"]

        # Measures it on unseen classes, or without labels on changed copies
        # of images, and blesses the candidate.
        if ingest.labelled:
            evaluators[method] = RetrievalEvaluator(
                model=model,
                examples=examples,
                ks=json.dumps(config.evaluation.ks),
                code_fingerprint=code_fingerprint(
                    "keras_dvml.clustering",
                    "keras_dvml.evaluation",
                    *EMBEDDING_CODE,
                    "pipelines.evaluation.blessing",
                    "pipelines.evaluation.retrieval_evaluator",
                ),
                **blessing_inputs,
            ).with_id(f"RetrievalEvaluator_{method}")
        else:
            evaluators[method] = CopyEvaluator(
                model=model,
                examples=examples,
                code_fingerprint=code_fingerprint(
                    "keras_dvml.evaluation",
                    *EMBEDDING_CODE,
                    "pipelines.evaluation.blessing",
                    "pipelines.evaluation.copy_evaluator",
                    "pipelines.evaluation.retrieval_evaluator",
                ),
                **blessing_inputs,
            ).with_id(f"CopyEvaluator_{method}")
        steps.append(evaluators[method])

    # Puts the whole gallery into the candidate, in two flavours.
    matching = {}
    if ingest.labelled:
        matching = {"false_match_rate": config.index.false_match_rate}
    indexer = Indexer(
        trained_model=trained[config.candidate].trainer.outputs["model"],
        examples=examples,
        num_neighbors=config.index.num_neighbors,
        recall_floor=config.index.recall_floor,
        **matching,
        code_fingerprint=code_fingerprint(
            "keras_dvml.evaluation",
            "keras_dvml.index",
            "keras_dvml.serving",
            *EMBEDDING_CODE,
            "pipelines.publishing.indexer",
            "pipelines.artifacts.remote_folders",
        ),
    )

    # After the scores, so that a failing index cannot hide them.
    indexer.add_upstream_node(evaluators[config.candidate])

    # Publishes both under one version, if the candidate was blessed.
    pusher = Pusher(
        model=indexer.outputs["model"],
        scann_model=indexer.outputs["scann_model"],
        blessing=evaluators[config.candidate].outputs["blessing"],
        serving_dir=places.serving_dir,
        model_name=config.name,
        code_fingerprint=code_fingerprint(
            "keras_dvml.serving",
            "pipelines.publishing.pusher",
            "pipelines.artifacts.remote_folders",
        ),
    )

    # Searches with what was published, and shows it beside all scores.
    reporter = Reporter(
        examples=examples,
        quarantine=example_gen.outputs["quarantine"],
        evaluations={m: e.outputs["evaluation"] for m, e in evaluators.items()},
        model_runs={
            m: t.trainer.outputs["model_run"] for m, t in trained.items()
        },
        pseudo_labels=[
            clusterer.outputs["pseudo_labels"]
            for clusterer in trained[config.candidate].clusterers
        ],
        pushed_model=pusher.outputs["pushed_model"],
        model=trained[config.candidate].trainer.outputs["model"],
        **reported,
        candidate=config.candidate,
        title=f"Visual search: {config.name}",
        notes=describe_config(config),
        code_fingerprint=code_fingerprint(
            "keras_dvml.reports",
            "pipelines.ingestion.anomalies",
            "pipelines.reporting.cluster_galleries",
            "pipelines.reporting.notes",
            "pipelines.reporting.reporter",
            "pipelines.reporting.searches",
            "pipelines.reporting.variations",
            "pipelines.artifacts.pseudo_label_table",
        ),
    )
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=places.pipeline_root,
        components=[*steps, indexer, pusher, reporter],
        enable_cache=True,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=beam_pipeline_args,
    )


def _tuner(
    config: PipelineConfig, train: TrainConfig, examples: types.BaseChannel
) -> BaseComponent:
    return Tuner(
        examples=examples,
        train=json.dumps(dataclasses.asdict(train)),
        tune=json.dumps(dataclasses.asdict(config.tune)),
        code_fingerprint=code_fingerprint(
            *TRAINING_CODE,
            "pipelines.artifacts.examples",
            "pipelines.training.tuning.tuner",
            "pipelines.ingestion.splits",
            "pipelines.training.tuning.trials_page",
            "pipelines.training.tuning.trials",
        ),
    )
