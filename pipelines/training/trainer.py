"""What TFX's Trainer calls: one model, trained and saved."""

import contextlib
import os
import tempfile
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio

import keras_dvml as kd
from pipelines.artifacts.pseudo_label_table import read_pseudo_labels
from pipelines.artifacts.remote_folders import written_folder
from pipelines.configs import UNSUPERVISED, TrainConfig
from pipelines.training.checkpoints import checkpoint_folder
from pipelines.training.distributed.strategies import (
    build_strategy,
    check_batch_size,
    task_of,
    wait_for_all,
)
from pipelines.training.fitting import fit_model, training_batches
from pipelines.training.history import (
    History,
    join_histories,
    num_epochs,
    read_history,
    write_history,
    write_summaries,
)
from pipelines.training.methods import build_model, continue_model
from pipelines.training.tuning.hyperparameters import with_hyperparameters

KERAS_MODEL_FILE = "model.keras"
#: Key of `custom_config`: the artifact of cluster ids to train on.
PSEUDO_LABELS_URI = "pseudo_labels_uri"


def run_fn(
    fn_args: FnArgs, strategy: tf.distribute.Strategy | None = None
) -> None:
    """Trains one model and saves it for serving and for Keras.

    Writes `Format-Serving/` (the embedder as a SavedModel) with `model.keras`
    and `history.json` beside it, and among the model run's files
    `history.json` and the same for TensorBoard. Given a base model, training
    goes on from where that ended: weights, optimizer, batches and history.
    Stopped on the way and called again with the same arguments, it goes on
    from its last saved step, given a place for such states.

    Under `train.strategy` "mirrored" or "multi_worker" the batches are those
    of the configuration still: `classes_per_batch * images_per_class` is the
    global batch, every device computes the features of an equal share, and
    the loss sees the pairs of all of it. A step is then that of one device,
    but for batch normalisation, which uses the statistics of each share
    unless `batch_norm_frozen`. For "multi_worker" every process that TF_CONFIG
    names calls this with the same arguments, before it does anything else
    with TensorFlow; the chief alone writes to the folders named here, the
    others to temporary ones.

    Args:
        fn_args: from TFX. `custom_config["train"]` holds the fields of a
            `TrainConfig`, `custom_config["pseudo_labels_uri"]` where the
            labels of UDML are. Without them UDML learns from turned images
            alone. `custom_config["checkpoint_root"]` is the folder for the
            states of trainings that were stopped. `hyperparameters` are those
            that a Tuner found best.
        strategy: to train under, where it has been built already.
    """
    config = train_config(fn_args)
    if strategy is None:
        strategy = build_strategy(
            config.strategy if is_trained(config) else "default"
        )
    # Everything before it shares the process and would share the names.
    keras.backend.clear_session()
    keras.utils.set_random_seed(config.seed)
    with strategy.scope():
        model, history = _first_model(fn_args, config)
    with checkpoint_folder(fn_args, strategy) as checkpoint_dir:
        if is_trained(config):
            trained = _train(
                model,
                fn_args,
                strategy,
                first_epoch=num_epochs(history),
                checkpoint_dir=checkpoint_dir,
            )
            history = join_histories(history, trained)
        # Others take part in writing: some weights are means over all devices.
        with _folders_of(fn_args, strategy) as (serving_uri, run_uri):
            _write(model, history, serving_uri, run_uri)
        # Nobody leaves while others still need an answer.
        wait_for_all(strategy)
    keras.backend.clear_session()


def train_config(fn_args: FnArgs) -> TrainConfig:
    """Returns how to train, with what a Tuner found where there was one.

    Args:
        fn_args: as for `run_fn`.
    """
    return with_hyperparameters(
        TrainConfig(**fn_args.custom_config["train"]), fn_args.hyperparameters
    )


def is_trained(config: TrainConfig) -> bool:
    """Says whether there is anything to train, or first weights are meant.

    Args:
        config: of the training.
    """
    return config.method != "untrained" and config.epochs > 0


def keras_model_path(model_uri: str) -> str:
    """Returns where the Keras model lies in a Model artifact of `run_fn`."""
    return os.path.join(model_uri, KERAS_MODEL_FILE)


def _first_model(
    fn_args: FnArgs, config: TrainConfig
) -> tuple[kd.models.MetricModel, History]:
    """Returns the model that training begins with, and its history."""
    if not fn_args.base_model:
        model, history = build_model(config), {}
    else:
        base_uri = os.path.dirname(fn_args.base_model)
        model = continue_model(keras_model_path(base_uri), config)
        history = read_history(base_uri)
    if config.method in UNSUPERVISED and not _pseudo_labels_uri(fn_args):
        model.compile(optimizer=model.optimizer, loss=kd.models.NoMetricLoss())
    return model, history


def _train(
    model: kd.models.MetricModel,
    fn_args: FnArgs,
    strategy: tf.distribute.Strategy,
    *,
    first_epoch: int,
    checkpoint_dir: str | None,
) -> History:
    config = train_config(fn_args)
    images = kd.data.load_examples(fn_args.train_files)
    batches = training_batches(images, _labels(images, fn_args, config), config)
    check_batch_size(strategy, batches.element_spec[0].shape[0])
    curve_images = None
    if config.evaluate_every:
        curve_images = kd.data.load_examples(fn_args.eval_files)
    # The optimizer's variables are made as a state is restored into them.
    with strategy.scope():
        return fit_model(
            model,
            batches,
            config,
            first_epoch=first_epoch,
            curve_images=curve_images,
            checkpoint_dir=checkpoint_dir,
        )


def _write(
    model: kd.models.MetricModel,
    history: History,
    serving_uri: str,
    run_uri: str,
) -> None:
    model_uri = os.path.dirname(serving_uri)
    fileio.makedirs(model_uri)
    with written_folder(serving_uri) as serving_dir:
        kd.serving.write_saved_model(model, serving_dir)
    model.save(keras_model_path(model_uri))
    for folder in (model_uri, run_uri):
        write_history(folder, history)
    write_summaries(run_uri, history)


def _pseudo_labels_uri(fn_args: FnArgs) -> str:
    return fn_args.custom_config.get(PSEUDO_LABELS_URI) or ""


def _labels(
    images: kd.data.EncodedImages, fn_args: FnArgs, config: TrainConfig
) -> np.ndarray | None:
    """Returns what to train on, or `None` for turned images alone."""
    if config.method not in UNSUPERVISED:
        return images.labels
    uri = _pseudo_labels_uri(fn_args)
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


@contextlib.contextmanager
def _folders_of(
    fn_args: FnArgs, strategy: tf.distribute.Strategy
) -> Iterator[tuple[str, str]]:
    """Gives the folders to write to: of all but the chief, passing ones."""
    if task_of(strategy).is_chief:
        yield fn_args.serving_model_dir, fn_args.model_run_dir
        return
    with tempfile.TemporaryDirectory() as folder:
        yield os.path.join(folder, "model", "serving"), folder
