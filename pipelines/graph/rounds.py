"""The steps that train: one for a method with labels, rounds for one without.

TFX has no loops, so the rounds are written out:

    Trainer_0 -> Clusterer_1 -> Trainer_1 -> Clusterer_2 -> Trainer_2 -> ...

where each Trainer takes on the model of the one before.
"""

import dataclasses
import json
from typing import NamedTuple

from tfx import types
from tfx.dsl.components.base.base_component import BaseComponent

from pipelines.artifacts.fingerprint import code_fingerprint
from pipelines.clustering.clusterer import EMBEDDINGS, FEATURES, Clusterer
from pipelines.configs import PipelineConfig, TrainConfig
from pipelines.training.checkpoints import CHECKPOINT_ROOT
from pipelines.training.metric_trainer import MetricTrainer

# What fits a model, in a trial or for good.
TRAINING_CODE = (
    "keras_dvml.ops",
    "keras_dvml.layers",
    "keras_dvml.losses",
    "keras_dvml.models",
    "keras_dvml.data",
    "keras_dvml.evaluation",
    "keras_dvml.keras_versions",
    "keras_dvml.training",
    "pipelines.training.augmentations",
    "pipelines.training.backbones",
    "pipelines.training.fitting",
    "pipelines.training.tuning.hyperparameters",
    "pipelines.training.methods",
    "pipelines.training.history",
)
# What embeds the images of a split.
EMBEDDING_CODE = (
    "keras_dvml.data",
    "pipelines.embedding.beam_embedding",
    "pipelines.artifacts.examples",
)
_ALL_SPLITS = ("train", "test")


class TrainedMethod(NamedTuple):
    """The steps of a method.

    Attributes:
        steps: all of them, in order.
        trainer: the step whose model is the method's.
        clusterers: the steps that made labels, in order. The last is nobody's
            labels: it clusters all images by what the finished model makes of
            them.
    """

    steps: list[BaseComponent]
    trainer: BaseComponent
    clusterers: list[BaseComponent]


def train_once(
    train: TrainConfig,
    checkpoint_root: str,
    *,
    examples: types.BaseChannel,
    schema: types.BaseChannel,
    hyperparameters: types.BaseChannel | None = None,
) -> TrainedMethod:
    """Returns the one step of a method that trains on given labels.

    Args:
        train: names the method.
        checkpoint_root: for the states of trainings that are stopped.
        examples: the images.
        schema: of the examples.
        hyperparameters: what a Tuner found, or `None`.
    """
    trainer = _trainer(
        train,
        checkpoint_root,
        examples=examples,
        schema=schema,
        hyperparameters=hyperparameters,
    )
    trainer = trainer.with_id(f"Trainer_{train.method}")
    return TrainedMethod([trainer], trainer, [])


def train_in_rounds(
    config: PipelineConfig,
    train: TrainConfig,
    checkpoint_root: str,
    *,
    examples: types.BaseChannel,
    schema: types.BaseChannel,
) -> TrainedMethod:
    """Returns the steps of a method that makes its labels itself.

    Args:
        config: of the run.
        train: names the method.
        checkpoint_root: for the states of trainings that are stopped.
        examples: the images.
        schema: of the examples.
    """
    method, rounds = train.method, config.rounds
    # The first weights, or what can be learned from turned images alone.
    trainer = _trainer(
        dataclasses.replace(train, epochs=rounds.rotation_epochs),
        checkpoint_root,
        examples=examples,
        schema=schema,
    ).with_id(f"Trainer_{method}_0")
    steps, clusterers = [trainer], []
    for number in range(1, rounds.num_rounds + 1):
        # Groups the images by what the model so far makes of them; the first
        # time by its features, since the embedding has learned nothing yet.
        clusterer = _clusterer(
            config,
            number,
            examples=examples,
            model=trainer.outputs["model"],
            previous=(
                clusterers[-1].outputs["pseudo_labels"] if clusterers else None
            ),
            space=EMBEDDINGS if clusterers else FEATURES,
            num_clusters=rounds.num_clusters or 0,
            images_per_cluster=rounds.images_per_cluster,
        ).with_id(f"Clusterer_{method}_{number}")

        # Goes on training, on these groups.
        trainer = _trainer(
            dataclasses.replace(train, epochs=rounds.epochs_per_round),
            checkpoint_root,
            examples=examples,
            schema=schema,
            base_model=trainer.outputs["model"],
            pseudo_labels=clusterer.outputs["pseudo_labels"],
        ).with_id(f"Trainer_{method}_{number}")
        clusterers.append(clusterer)
        steps += [clusterer, trainer]

    # What the finished model makes of all images, in groups that are large
    # enough to be looked at.
    last = _clusterer(
        config,
        rounds.num_rounds + 1,
        examples=examples,
        model=trainer.outputs["model"],
        space=EMBEDDINGS,
        splits=json.dumps(_ALL_SPLITS),
        num_clusters=0,
        images_per_cluster=rounds.images_per_shown_cluster,
    ).with_id(f"Clusterer_{method}_final")
    return TrainedMethod([*steps, last], trainer, [*clusterers, last])


def _trainer(
    train: TrainConfig,
    checkpoint_root: str,
    **channels: types.BaseChannel | None,
) -> MetricTrainer:
    several = train.strategy == "multi_worker"
    module = (
        "pipelines.training_worker" if several else "pipelines.training.trainer"
    )
    return MetricTrainer(
        run_fn=f"{module}.run_fn",
        custom_config={
            "train": dataclasses.asdict(train),
            "code_fingerprint": code_fingerprint(
                *TRAINING_CODE,
                "keras_dvml.serving",
                "pipelines.artifacts.pseudo_label_table",
                "pipelines.artifacts.remote_folders",
                "pipelines.training.distributed.strategies",
                "pipelines.training.distributed.tf_config",
                "pipelines.training.trainer",
                "pipelines.training.distributed.log_lines",
                "pipelines.training.distributed.process",
                "pipelines.training_worker",
                "pipelines.training.checkpoints",
            ),
            CHECKPOINT_ROOT: checkpoint_root,
        },
        **channels,
    )


def _clusterer(
    config: PipelineConfig,
    number: int,
    *,
    previous: types.BaseChannel | None = None,
    **arguments: types.BaseChannel | str | int,
) -> BaseComponent:
    rounds = config.rounds
    if previous is not None:
        arguments["previous"] = previous
    return Clusterer(
        round_number=number,
        metric=rounds.metric,
        num_iterations=rounds.num_iterations,
        seed=config.train.seed,
        code_fingerprint=code_fingerprint(
            "keras_dvml.clustering",
            "keras_dvml.serving",
            *EMBEDDING_CODE,
            "pipelines.clustering.clusterer",
            "pipelines.artifacts.pseudo_label_table",
        ),
        **arguments,
    )
