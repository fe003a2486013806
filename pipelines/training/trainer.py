"""One model, trained and saved; TFX's Trainer calls `run_fn`."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio

import keras_dvml as kd
from pipelines.artifacts.examples import class_names
from pipelines.artifacts.histories import (
    History,
    join_histories,
    num_epochs,
    read_history,
    write_history,
)
from pipelines.artifacts.models import keras_model_path, write_classes
from pipelines.artifacts.pseudo_label_table import read_pseudo_labels
from pipelines.artifacts.remote_folders import written_folder
from pipelines.configs import UNSUPERVISED
from pipelines.training.checkpoints import checkpoint_folder
from pipelines.training.fitting import fit_model, training_batches
from pipelines.training.history import write_summaries
from pipelines.training.job import TrainingJob
from pipelines.training.methods import build_model, continue_model
from pipelines.training.strategies import (
    build_strategy,
    check_batch_size,
    task_of,
    wait_for_all,
)


def run_fn(fn_args: FnArgs) -> None:
    """Trains what TFX's Trainer asks for, on the devices of this machine.

    Args:
        fn_args: see `TrainingJob.from_fn_args`.
    """
    job = TrainingJob.from_fn_args(fn_args)
    name = job.config.strategy if job.is_trained else "default"
    train(job, build_strategy(name))


def train(job: TrainingJob, strategy: tf.distribute.Strategy) -> None:
    """Trains one model and saves it for serving and for Keras.

    Writes `Format-Serving/` (the embedder as a SavedModel) with `model.keras`,
    `history.json` and `classes.json` beside it, and among the model run's files
    `history.json` and the same for TensorBoard. Given a base model, training
    continues from where that ended: weights, optimizer, batches and history.
    UDML without pseudo-labels learns from turned images alone. Interrupted and
    called again with the same job, training resumes at its last saved step,
    given a place for such states.

    Under `train.strategy` "mirrored" or "multi_worker" the batches are those
    of the configuration still: `classes_per_batch * images_per_class` is the
    global batch, every device computes the features of an equal share, and
    the loss sees the pairs of all of it. A step is then that of one device,
    but for batch normalisation, which uses the statistics of each share
    unless `batch_norm_frozen`. For "multi_worker" every process that TF_CONFIG
    names calls this with the same job, before it does anything else with
    TensorFlow; the chief alone writes to the folders named here, the others
    to temporary ones.

    Args:
        job: what to train.
        strategy: to train under.
    """
    # Everything before it shares the process and would share the names.
    keras.backend.clear_session()
    keras.utils.set_random_seed(job.config.seed)
    with strategy.scope():
        model, history = _first_model(job)
    classes = set()
    with checkpoint_folder(job, strategy) as checkpoint_dir:
        if job.is_trained:
            images = kd.data.load_examples(job.train_files)
            classes = class_names(images)
            trained = _fit(
                model,
                images,
                job,
                strategy,
                first_epoch=num_epochs(history),
                checkpoint_dir=checkpoint_dir,
            )
            history = join_histories(history, trained)
        # Others take part in writing: some weights are means over all devices.
        with _folders_of(job, strategy) as (serving_uri, run_uri):
            _write(model, history, serving_uri, run_uri)
            write_classes(os.path.dirname(serving_uri), classes)
        # Nobody leaves while others still need an answer.
        wait_for_all(strategy)
    keras.backend.clear_session()


def _first_model(job: TrainingJob) -> tuple[keras.Model, History]:
    """Returns the model that training begins with, and its history."""
    if not job.base_model_uri:
        model, history = build_model(job.config), {}
    else:
        model = continue_model(keras_model_path(job.base_model_uri), job.config)
        history = read_history(job.base_model_uri)
    if job.config.method in UNSUPERVISED and not job.pseudo_labels_uri:
        model.compile(optimizer=model.optimizer, loss=kd.models.NoMetricLoss())
    return model, history


def _fit(
    model: keras.Model,
    images: kd.data.EncodedImages,
    job: TrainingJob,
    strategy: tf.distribute.Strategy,
    *,
    first_epoch: int,
    checkpoint_dir: str | None,
) -> History:
    batches = training_batches(images, _labels(images, job), job.config)
    specs: Any = batches.element_spec
    check_batch_size(strategy, specs[0].shape[0])
    curve_images = None
    if job.config.evaluate_every:
        curve_images = kd.data.load_examples(job.eval_files)
    # The optimizer's variables are made as a state is restored into them.
    with strategy.scope():
        return fit_model(
            model,
            batches,
            job.config,
            first_epoch=first_epoch,
            curve_images=curve_images,
            checkpoint_dir=checkpoint_dir,
        )


def _write(
    model: keras.Model,
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


def _labels(
    images: kd.data.EncodedImages, job: TrainingJob
) -> np.ndarray | None:
    """Returns what to train on, or `None` for turned images alone."""
    if job.config.method not in UNSUPERVISED:
        return images.labels
    uri = job.pseudo_labels_uri
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
    job: TrainingJob, strategy: tf.distribute.Strategy
) -> Iterator[tuple[str, str]]:
    """Yields the folders to write to: temporary ones for all but the chief."""
    if task_of(strategy).is_chief:
        yield job.serving_uri, job.run_uri
        return
    with tempfile.TemporaryDirectory() as folder:
        yield os.path.join(folder, "model", "serving"), folder
