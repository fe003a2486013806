"""What TFX's Trainer calls: one model, trained and saved."""

import logging
import os

import keras
import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio

import keras_dvml as kd
from pipelines.augmentations import augmentation_of
from pipelines.configs import UNSUPERVISED, TrainConfig
from pipelines.methods import NoMetricLoss, build_model, continue_model
from pipelines.pseudo_labels import read_pseudo_labels
from pipelines.remote_folders import written_folder
from pipelines.training_history import (
    EpochLines,
    History,
    join_histories,
    kept_values,
    num_epochs,
    read_history,
    write_history,
)

KERAS_MODEL_FILE = "model.keras"
#: Key of `custom_config`: the artifact of cluster ids to train on.
PSEUDO_LABELS_URI = "pseudo_labels_uri"

_VARIATIONAL = ("dvml", "variational_udml")

logger = logging.getLogger(__name__)


def run_fn(fn_args: FnArgs) -> None:
    """Trains one model and saves it for serving and for Keras.

    Writes `Format-Serving/` (the embedder as a SavedModel) with `model.keras`
    and `history.json` beside it, and `history.json` among the model run's
    files. Given a base model, training goes on from where that ended: weights,
    optimizer, batches and history.

    Args:
        fn_args: from TFX. `custom_config["train"]` holds the fields of a
            `TrainConfig`, `custom_config["pseudo_labels_uri"]` where the
            labels of UDML are. Without them UDML learns from turned images
            alone.
    """
    config = TrainConfig(**fn_args.custom_config["train"])
    # Everything before it shares the process and would share the names.
    keras.backend.clear_session()
    keras.utils.set_random_seed(config.seed)
    if fn_args.base_model:
        base_uri = os.path.dirname(fn_args.base_model)
        model = continue_model(keras_model_path(base_uri), config)
        history = read_history(base_uri)
    else:
        model, history = build_model(config), {}
    if config.method != "untrained" and config.epochs:
        train_images = kd.data.load_examples(fn_args.train_files)
        labels = _labels(train_images, fn_args, config)
        if labels is None:
            model.compile(optimizer=model.optimizer, loss=NoMetricLoss())
        batches = _batches(train_images, labels, config)
        trained = _fit(
            model, batches, fn_args.eval_files, config, num_epochs(history)
        )
        history = join_histories(history, trained)

    model_uri = os.path.dirname(fn_args.serving_model_dir)
    fileio.makedirs(model_uri)
    with written_folder(fn_args.serving_model_dir) as serving_dir:
        kd.serving.write_saved_model(model, serving_dir)
    model.save(keras_model_path(model_uri))
    for folder in (model_uri, fn_args.model_run_dir):
        write_history(folder, history)
    keras.backend.clear_session()


def keras_model_path(model_uri: str) -> str:
    """Returns where the Keras model lies in a Model artifact of `run_fn`."""
    return os.path.join(model_uri, KERAS_MODEL_FILE)


def _labels(
    images: kd.data.EncodedImages, fn_args: FnArgs, config: TrainConfig
) -> np.ndarray | None:
    """Returns what to train on, or `None` for turned images alone."""
    if config.method not in UNSUPERVISED:
        return images.labels
    uri = fn_args.custom_config.get(PSEUDO_LABELS_URI)
    if not uri:
        return None
    clusters = read_pseudo_labels(uri).clusters_of(images.ids)
    missing = images.ids[clusters < 0]
    if len(missing):
        raise ValueError(
            f"{len(missing)} of {len(images.ids)} images to train on have no "
            f"pseudo-label in {uri}, the first being {missing[0]!r}"
        )
    return clusters


def _batches(
    images: kd.data.EncodedImages,
    labels: np.ndarray | None,
    config: TrainConfig,
) -> tf.data.Dataset:
    groups = "clusters" if config.method in UNSUPERVISED else "classes"
    num_classes, num_images = config.classes_per_batch, config.images_per_class
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
        _decoded(images, config.image_size),
        labels,
        classes_per_batch=num_classes,
        images_per_class=num_images,
        steps_per_epoch=config.steps_per_epoch,
        augment=augmentation_of(config),
        seed=config.seed,
        replacement=num_small > 0,
    )


def _fit(
    model: keras.Model,
    batches: tf.data.Dataset,
    eval_files: list[str],
    config: TrainConfig,
    first_epoch: int,
) -> History:
    batches.position.step = first_epoch * config.steps_per_epoch
    callbacks = [EpochLines(first_epoch, config.epochs)]
    if config.method in _VARIATIONAL:
        callbacks.insert(
            0,
            kd.training.PhaseSchedule(
                release_decoder_at=config.release_decoder_at
            ),
        )
    test_images = None
    if config.evaluate_every:
        test_images = kd.data.load_examples(eval_files)
    if test_images is not None and test_images.labels is not None:
        # First, so that its scores are in the logs that the others see.
        callbacks.insert(
            0,
            kd.training.RetrievalEvaluation(
                _decoded(test_images, config.image_size),
                test_images.labels,
                ks=(1,),
                every=config.evaluate_every,
            ),
        )
    history = model.fit(
        batches,
        initial_epoch=first_epoch,
        epochs=first_epoch + config.epochs,
        steps_per_epoch=config.steps_per_epoch,
        callbacks=callbacks,
        verbose=0,
    )
    return kept_values(history.history)


def _decoded(images: kd.data.EncodedImages, image_size: int) -> tf.data.Dataset:
    # Photographs take longer to decode than to train on: done once, onto
    # disk, and not at each draw.
    return kd.data.image_batches(
        images.image_bytes, batch_size=32, image_size=image_size
    ).unbatch()
