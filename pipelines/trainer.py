"""What TFX's Trainer calls: one model, trained and saved."""

import json
import logging
import os
import time

import keras
import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio
from tfx.utils import io_utils

import keras_dvml as kd
from pipelines.configs import TrainConfig

KERAS_MODEL_FILE = "model.keras"
HISTORY_FILE = "history.json"
# The one score of unseen classes that is followed over the epochs.
_CURVE = "val_recall@1"
_SECONDS_BETWEEN_LINES = 3.0

_AUGMENTATIONS = {
    "none": None,
    "random_shift": kd.data.random_shift,
    "random_resized_crop": kd.data.random_resized_crop,
}

logger = logging.getLogger(__name__)


def run_fn(fn_args: FnArgs) -> None:
    """Trains one model and saves it for serving and for Keras.

    Writes `Format-Serving/` (the embedder as a SavedModel) with
    `model.keras` beside it, and `history.json` among the model run's files.

    Args:
        fn_args: from TFX. `custom_config["train"]` holds the fields of a
            `TrainConfig`.
    """
    config = TrainConfig(**fn_args.custom_config["train"])
    # Everything before it shares the process and would share the names.
    keras.backend.clear_session()
    keras.utils.set_random_seed(config.seed)
    model = build_model(config)
    history = {}
    if config.method != "untrained":
        train_images = kd.data.load_examples(fn_args.train_files)
        history = _fit(model, train_images, fn_args.eval_files, config)

    fileio.makedirs(os.path.dirname(fn_args.serving_model_dir))
    kd.serving.write_saved_model(model, fn_args.serving_model_dir)
    model.save(keras_model_path(os.path.dirname(fn_args.serving_model_dir)))
    io_utils.write_string_file(
        os.path.join(fn_args.model_run_dir, HISTORY_FILE),
        json.dumps(history, indent=1),
    )
    keras.backend.clear_session()


def keras_model_path(model_uri: str) -> str:
    """Returns where the Keras model lies in a Model artifact of `run_fn`."""
    return os.path.join(model_uri, KERAS_MODEL_FILE)


def build_model(config: TrainConfig) -> kd.models.EmbeddingModel:
    """Builds and compiles the model of a method; weights are the seed's.

    Args:
        config: names the method and its sizes.

    Returns:
        A compiled model.
    """
    backbone = kd.models.conv_backbone(config.image_size, config.widths)
    if config.method == "dvml":
        model = kd.models.DVML(
            backbone,
            embedding_dim=config.embedding_dim,
            num_samples=config.num_samples,
            seed=config.seed,
        )
    else:
        model = kd.models.EmbeddingModel(
            backbone, embedding_dim=config.embedding_dim
        )
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss=kd.losses.TripletSemiHardLoss(margin=config.margin),
    )
    return model


def _fit(
    model: keras.Model,
    train_images: kd.data.EncodedImages,
    eval_files: list[str],
    config: TrainConfig,
) -> dict[str, list[float]]:
    classes, sizes = np.unique(train_images.labels, return_counts=True)
    num_classes = min(config.classes_per_batch, len(classes))
    if num_classes < config.classes_per_batch:
        logger.info(
            "Batches hold %d classes, not %d: there are no more to train on.",
            num_classes,
            config.classes_per_batch,
        )
    num_small = int(np.sum(sizes < config.images_per_class))
    if num_small:
        logger.info(
            "%d classes have fewer than %d images: theirs are repeated "
            "within a batch.",
            num_small,
            config.images_per_class,
        )
    batches = kd.data.balanced_batches(
        _decoded(train_images, config.image_size),
        train_images.labels,
        classes_per_batch=num_classes,
        images_per_class=config.images_per_class,
        steps_per_epoch=config.steps_per_epoch,
        augment=_AUGMENTATIONS[config.augmentation],
        seed=config.seed,
        replacement=num_small > 0,
    )
    callbacks = [EpochLines(config.epochs)]
    if config.method == "dvml":
        callbacks.insert(
            0,
            kd.training.PhaseSchedule(
                release_decoder_at=config.release_decoder_at
            ),
        )
    if config.evaluate_every:
        test_images = kd.data.load_examples(eval_files)
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
        epochs=config.epochs,
        steps_per_epoch=config.steps_per_epoch,
        callbacks=callbacks,
        verbose=0,
    )
    return {
        name: [_number(value) for value in values]
        for name, values in history.history.items()
        if not name.startswith("val_") or name == _CURVE
    }


def _decoded(images: kd.data.EncodedImages, image_size: int) -> tf.data.Dataset:
    # Photographs take longer to decode than to train on: done once, onto
    # disk, and not at each draw.
    return kd.data.image_batches(
        images.image_bytes, batch_size=32, image_size=image_size
    ).unbatch()


class EpochLines(keras.callbacks.Callback):
    """Logs a line an epoch, though no more than one every few seconds.

    Args:
        num_epochs: of the whole fit.
    """

    def __init__(self, num_epochs: int):
        super().__init__()
        self.num_epochs = num_epochs
        self._last_line = float("-inf")

    def on_epoch_end(self, epoch, logs=None):
        """Writes the line when one is due."""
        now = time.monotonic()
        is_last = epoch + 1 == self.num_epochs
        if not is_last and now - self._last_line < _SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        values = ", ".join(
            f"{name} {value:.3f}" for name, value in _shown(logs).items()
        )
        logger.info("epoch %d of %d: %s", epoch + 1, self.num_epochs, values)


def _shown(logs: dict[str, float]) -> dict[str, float]:
    return {
        name: value
        for name, value in logs.items()
        if not name.startswith("val_")
        or (name == _CURVE and not np.isnan(value))
    }


def _number(value: float) -> float | None:
    # JSON knows no NaN, which epochs without an evaluation log.
    return None if np.isnan(value) else float(value)
