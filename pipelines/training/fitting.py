"""A model, fitted to batches of a run's images."""

import logging
import math

import keras
import numpy as np
import tensorflow as tf

import keras_dvml as kd
from pipelines.artifacts.histories import History
from pipelines.configs import UNSUPERVISED, TrainConfig
from pipelines.training.augmentations import augmentation_of
from pipelines.training.history import EpochLines, kept_values

_VARIATIONAL = ("dvml", "variational_udml")

logger = logging.getLogger(__name__)


def training_batches(
    images: kd.data.EncodedImages,
    labels: np.ndarray | None,
    config: TrainConfig,
) -> tf.data.Dataset:
    """Returns batches of as many classes and images as there are.

    Args:
        images: N images to train on.
        labels: `(N,)` int array, or `None` for batches of any images.
        config: of the training.

    Returns:
        `tf.data.Dataset`, as from `keras_dvml.data.balanced_batches`.
    """
    groups = "clusters" if config.method in UNSUPERVISED else "classes"
    num_classes = config.classes_per_batch
    num_images = config.images_per_class
    if labels is None:
        # Batches of one class that holds everything.
        labels = np.zeros(len(images.ids), np.int64)
        num_images = min(num_classes * num_images, len(labels))
        num_classes = 1
    classes, sizes = np.unique(labels, return_counts=True)
    if num_classes > len(classes):
        logger.info(
            "Batches hold %d %s, not %d: there are no more to train on.",
            len(classes),
            groups,
            num_classes,
        )
        num_classes = len(classes)
    num_small = int(np.sum(sizes < num_images))
    if num_small:
        logger.info(
            "%d %s have fewer than %d images: theirs are repeated within a "
            "batch.",
            num_small,
            groups,
            num_images,
        )
    return kd.data.balanced_batches(
        decoded_images(images, config.image_size),
        labels,
        classes_per_batch=num_classes,
        images_per_class=num_images,
        steps_per_epoch=config.steps_per_epoch,
        augment=augmentation_of(config),
        seed=config.seed,
        replacement=num_small > 0,
    )


def fit_model(
    model: keras.Model,
    batches: tf.data.Dataset,
    config: TrainConfig,
    *,
    first_epoch: int = 0,
    curve_images: kd.data.EncodedImages | None = None,
    checkpoint_dir: str | None = None,
) -> History:
    """Trains a model for the epochs of its configuration.

    Args:
        model: compiled.
        batches: of `training_batches`.
        config: of the training.
        first_epoch: number of the first epoch, where there were others.
        curve_images: images whose retrieval is measured on the way, where
            they have labels; `None` for none.
        checkpoint_dir: where the state of the training is kept, to resume
            from when it is stopped; `None` for nowhere.

    Returns:
        Term to values of each epoch.
    """
    curve = None
    callbacks: list[keras.callbacks.Callback] = []
    if curve_images is not None and curve_images.labels is not None:
        # First, so that its scores are in the logs that the others see.
        curve = kd.training.RetrievalEvaluation(
            decoded_images(curve_images, config.image_size),
            curve_images.labels,
            ks=(1,),
            every=config.evaluate_every,
        )
        callbacks.append(curve)
    if config.learning_rate_decay:
        callbacks.append(_decay(config, first_epoch))
    if config.method in _VARIATIONAL:
        callbacks.append(kd.training.PhaseSchedule(config.release_decoder_at))
    callbacks.append(EpochLines(first_epoch, config.epochs))
    epochs = {
        "initial_epoch": first_epoch,
        "epochs": first_epoch + config.epochs,
        "callbacks": callbacks,
        "verbose": 0,
    }
    if checkpoint_dir is not None:
        history = kd.training.resumable_fit(
            model, batches, checkpoint_dir=checkpoint_dir, **epochs
        )
    else:
        batches.position.step = first_epoch * config.steps_per_epoch
        history = model.fit(batches, **epochs).history
    scores = [] if curve is None else curve.evaluations
    return kept_values(
        history, {one["epoch"] - first_epoch: one["recall@1"] for one in scores}
    )


def _decay(config: TrainConfig, first_epoch: int) -> keras.callbacks.Callback:
    """Returns what lets the rate fall, from epoch to epoch."""

    def rate(epoch: int) -> float:
        # The middle of the epoch stands for all of it.
        done = (epoch - first_epoch + 0.5) / config.epochs
        return config.learning_rate * (1 + math.cos(math.pi * done)) / 2

    return keras.callbacks.LearningRateScheduler(rate)


def decoded_images(
    images: kd.data.EncodedImages, image_size: int
) -> tf.data.Dataset:
    """Decodes images once for many draws.

    Photographs take longer to decode than to train on.

    Args:
        images: encoded.
        image_size: pixels, of the squares that they are cut to.

    Returns:
        `tf.data.Dataset` of single `(image_size, image_size, 3)` images.
    """
    return kd.data.image_batches(
        images.image_bytes, batch_size=32, image_size=image_size
    ).unbatch()
