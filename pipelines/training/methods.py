"""The model of each method, new or taken on from an earlier round."""

from typing import Any

import keras

import keras_dvml as kd
from pipelines.configs import UNSUPERVISED, YARDSTICKS, TrainConfig
from pipelines.configs.schema import TERM_WEIGHTS
from pipelines.training.backbones import (
    build_backbone,
    build_preprocessing,
    freeze_parts,
)
from pipelines.training.yardsticks import build_yardstick


def build_model(config: TrainConfig) -> keras.Model:
    """Builds and compiles the model of a method; weights are the seed's.

    Args:
        config: names the method and its sizes.

    Returns:
        A model, compiled where it is to be trained.
    """
    if config.method in YARDSTICKS:
        return build_yardstick(config)
    shared = {
        "backbone": build_backbone(config),
        "preprocessing": build_preprocessing(config),
        "embedding_dim": config.embedding_dim,
        "head_rate": config.head_rate,
    }
    variational = {name: getattr(config, name) for name in TERM_WEIGHTS}
    if config.method == "variational_udml":
        shared |= variational
    if config.method in UNSUPERVISED:
        model = kd.models.UDML(
            rotation_weight=config.rotation_weight,
            rotation_batch=config.rotation_batch,
            variational=config.method == "variational_udml",
            num_samples=config.num_samples,
            **shared,
        )
    elif config.method == "dvml":
        model = kd.models.DVML(
            num_samples=config.num_samples,
            seed=config.seed,
            **variational,
            **shared,
        )
    else:
        model = kd.models.EmbeddingModel(**shared)
    model.compile(
        optimizer=keras.optimizers.Adam(
            config.learning_rate, weight_decay=config.weight_decay or None
        ),
        loss=metric_loss(config),
    )
    return model


def continue_model(path: str, config: TrainConfig) -> kd.models.MetricModel:
    """Loads the model of an earlier round, optimizer and all.

    Args:
        path: of a `.keras` file.
        config: of the training that continues.

    Returns:
        The model, compiled with the method's loss.
    """
    model: Any = keras.models.load_model(path)
    # Keras saves what is frozen of functional models, but not within layers.
    freeze_parts(model.backbone, config)
    model.compile(optimizer=model.optimizer, loss=metric_loss(config))
    model.optimizer.learning_rate = config.learning_rate
    return model


def metric_loss(config: TrainConfig) -> keras.losses.Loss:
    """Returns the loss that a method compares embeddings with."""
    if config.method in UNSUPERVISED:
        return kd.losses.MultiSimilarityLoss()
    name = "triplet" if config.method == "triplet" else config.loss
    return {
        "triplet": kd.losses.TripletSemiHardLoss(margin=config.margin),
        "n_pair": kd.losses.NPairLoss(),
        "angular": kd.losses.AngularLoss(angle=config.angle),
        "multi_similarity": kd.losses.MultiSimilarityLoss(),
    }[name]
