"""The graph: which step follows which, and what each is told."""

import dataclasses
import json

import tensorflow_data_validation as tfdv
from tfx import types
from tfx import v1 as tfx
from tfx.orchestration import metadata

from keras_dvml.data import examples as example_keys
from pipelines.components.baseline import last_blessed_model
from pipelines.components.image_example_gen import ImageExampleGen
from pipelines.components.indexer import Indexer
from pipelines.components.pusher import Pusher
from pipelines.components.reporter import Reporter
from pipelines.components.retrieval_evaluator import RetrievalEvaluator
from pipelines.configs import PipelineConfig, TrainConfig
from pipelines.fingerprint import code_fingerprint


def create_pipeline(
    config: PipelineConfig,
    *,
    pipeline_root: str,
    serving_dir: str,
    data_dir: str,
    input_fingerprint: str = "",
    metadata_connection_config: metadata.ConnectionConfigType | None = None,
    beam_pipeline_args: list[str] | None = None,
) -> tfx.dsl.Pipeline:
    """Builds the graph of a run; runners only say where things are.

    Args:
        config: the run.
        pipeline_root: where artifacts go.
        serving_dir: `saved_models/`, where models are published.
        data_dir: where TFDS prepares its data sets.
        input_fingerprint: changes when the images do.
        metadata_connection_config: of local runs.
        beam_pipeline_args: for the steps that run on Beam.

    Returns:
        The pipeline.
    """
    # Reads the images, sets bad files aside, splits by class.
    example_gen = ImageExampleGen(
        dataset=config.ingest.dataset,
        folder=config.ingest.folder,
        data_dir=data_dir,
        max_bad_fraction=config.ingest.max_bad_fraction,
        input_fingerprint=input_fingerprint,
        code_fingerprint=code_fingerprint(
            "keras_dvml.data",
            "pipelines.sources",
            "pipelines.components.image_sources",
            "pipelines.components.image_example_gen",
        ),
    )
    examples = example_gen.outputs["examples"]

    # Counts images and classes; the image bytes themselves are passed over.
    statistics_gen = tfx.components.StatisticsGen(
        examples=examples,
        stats_options=tfdv.StatsOptions(feature_allowlist=[example_keys.LABEL]),
    )

    # Says what a label looks like.
    schema_gen = tfx.components.SchemaGen(
        statistics=statistics_gen.outputs["statistics"]
    )

    # Finds labels that look otherwise.
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics_gen.outputs["statistics"],
        schema=schema_gen.outputs["schema"],
    )
    steps = [example_gen, statistics_gen, schema_gen, example_validator]

    trainers, evaluators = {}, {}
    for method in config.methods:
        # Trains a model with this method; all have the same budget.
        trainers[method] = _trainer(
            dataclasses.replace(config.train, method=method),
            examples=examples,
            schema=schema_gen.outputs["schema"],
        )

        blessing_inputs = {}
        if method == config.candidate:
            # Looks up the last model that was good enough.
            baseline = last_blessed_model(trainers[method].outputs["model"])
            steps.append(baseline)
            blessing_inputs = {
                "baseline_model": baseline.outputs["model"],
                "tolerance": config.evaluation.tolerance,
            }

        # Measures it on unseen classes, and blesses the candidate.
        evaluators[method] = RetrievalEvaluator(
            model=trainers[method].outputs["model"],
            examples=examples,
            ks=json.dumps(config.evaluation.ks),
            code_fingerprint=code_fingerprint(
                "keras_dvml.evaluation",
                "pipelines.components.gallery",
                "pipelines.components.retrieval_evaluator",
            ),
            **blessing_inputs,
        ).with_id(f"RetrievalEvaluator_{method}")
        steps += [trainers[method], evaluators[method]]

    # Puts the whole gallery into the candidate, in two flavours.
    indexer = Indexer(
        trained_model=trainers[config.candidate].outputs["model"],
        examples=examples,
        num_neighbors=config.index.num_neighbors,
        recall_floor=config.index.recall_floor,
        code_fingerprint=code_fingerprint(
            "keras_dvml.index",
            "keras_dvml.serving",
            "pipelines.components.gallery",
            "pipelines.components.indexer",
        ),
    )

    # After the scores, so that a failing index cannot hide them.
    indexer.add_upstream_node(evaluators[config.candidate])

    # Publishes both under one version, if the candidate was blessed.
    pusher = Pusher(
        model=indexer.outputs["model"],
        scann_model=indexer.outputs["scann_model"],
        blessing=evaluators[config.candidate].outputs["blessing"],
        serving_dir=serving_dir,
        model_name=config.name,
        code_fingerprint=code_fingerprint(
            "keras_dvml.serving", "pipelines.components.pusher"
        ),
    )

    # Searches with what was published, and shows it beside all scores.
    reporter = Reporter(
        examples=examples,
        quarantine=example_gen.outputs["quarantine"],
        evaluations={m: e.outputs["evaluation"] for m, e in evaluators.items()},
        model_runs={m: t.outputs["model_run"] for m, t in trainers.items()},
        pushed_model=pusher.outputs["pushed_model"],
        candidate=config.candidate,
        title=f"Visual search: {config.name}",
        notes=_notes(config),
        code_fingerprint=code_fingerprint(
            "keras_dvml.reports",
            "pipelines.components.reporter",
            "pipelines.components.searches",
        ),
    )
    return tfx.dsl.Pipeline(
        pipeline_name=config.name,
        pipeline_root=pipeline_root,
        components=[*steps, indexer, pusher, reporter],
        enable_cache=True,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=beam_pipeline_args,
    )


def _trainer(
    train: TrainConfig,
    *,
    examples: types.BaseChannel,
    schema: types.BaseChannel,
) -> tfx.components.Trainer:
    return tfx.components.Trainer(
        run_fn="pipelines.trainer.run_fn",
        examples=examples,
        schema=schema,
        train_args=tfx.proto.TrainArgs(splits=["train"]),
        eval_args=tfx.proto.EvalArgs(splits=["test"]),
        custom_config={
            "train": dataclasses.asdict(train),
            "code_fingerprint": code_fingerprint(
                "keras_dvml.ops",
                "keras_dvml.layers",
                "keras_dvml.losses",
                "keras_dvml.models",
                "keras_dvml.data",
                "keras_dvml.evaluation",
                "keras_dvml.keras_versions",
                "keras_dvml.training",
                "keras_dvml.serving",
                "pipelines.trainer",
            ),
        },
    ).with_id(f"Trainer_{train.method}")


def _notes(config: PipelineConfig) -> dict[str, str]:
    train = config.train
    return {
        "Images": config.ingest.dataset or config.ingest.folder,
        "Training of each method": (
            f"{train.epochs} epochs of {train.steps_per_epoch} batches, up to "
            f"{train.classes_per_batch} classes x {train.images_per_class} "
            f"images of {train.image_size} x {train.image_size} pixels, "
            f"seed {train.seed}"
        ),
    }
