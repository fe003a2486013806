"""`fit` that a killed process can resume, to the same end."""

import io
import json
import logging
import os
import zipfile
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_dvml import keras_versions
from keras_dvml.arguments import check_count
from keras_dvml.training.typed_callback import TypedCallback
from keras_dvml.whole_files import whole_file

logger = logging.getLogger(__name__)

_STATE_FILE = "run.npz"


def resumable_fit(
    model: keras.Model,
    batches: tf.data.Dataset,
    epochs: int,
    checkpoint_dir: str | os.PathLike,
    save_every: int = 100,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
    initial_epoch: int = 0,
) -> dict[str, list[float]]:
    """Trains like `model.fit`, from wherever the last process stopped.

    The state is saved every `save_every` steps and at the end of each epoch:
    weights (phase and random streams among them), optimizer, running means of
    the losses, epoch, step and history. Of callbacks with the methods
    `get_state()`, which returns a dict of arrays, and `set_state(state)` it is
    saved what they remember, such as the labels and rounds of `PseudoLabels`.
    Started again with the same arguments the run resumes after the last saved
    step, in the middle of an epoch too, and ends with the weights and the
    history that it would have had; on a CPU bit for bit, given
    `tf.config.experimental.enable_op_determinism()`. A run that is complete
    is not trained again: it only ends as `fit` does.

    Not covered: what other callbacks remember, and the random streams of
    Keras 2's own layers, such as dropout.

    Args:
        model: compiled `models.MetricModel`.
        batches: From `data.balanced_batches` or `PseudoLabels.batches`.
        epochs: >= 1. Number of the last epoch, counted from 1.
        checkpoint_dir: Folder of the state, one run's; a URI that TensorFlow
            can write to, such as `gs://`, too.
        save_every: >= 1. Steps between saves.
        callbacks: As in `model.fit`.
        verbose: As in `model.fit`.
        initial_epoch: >= 0. As in `model.fit`: epochs that the model was
            trained for before this run.

    Returns:
        dict from name to a list of floats, one an epoch, as in the `history`
        of `model.fit`.

    Raises:
        ValueError: If the batches have no position, or the saved state is
            broken, of another model or of other callbacks.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> backbone = kd.models.conv_backbone(16, widths=(4, 8))
        >>> model = kd.models.EmbeddingModel(backbone, embedding_dim=8)
        >>> model.compile("adam", loss=kd.losses.NPairLoss())
        >>> images = np.zeros((20, 16, 16, 3), np.uint8)
        >>> batches = kd.data.balanced_batches(
        ...     images, np.arange(20) // 5, classes_per_batch=4
        ... )
        >>> history = kd.training.resumable_fit(
        ...     model, batches, 2, data_dir, verbose=0
        ... )
        >>> len(history["loss"])
        2
    """
    check_count(1, save_every=save_every)
    position = getattr(batches, "position", None)
    if position is None:
        raise ValueError(
            "batches must come straight from data.balanced_batches or "
            "PseudoLabels.batches, which know their position; received "
            f"{type(batches).__name__}"
        )
    steps_per_epoch = position.steps_per_epoch
    position.step = initial_epoch * steps_per_epoch
    resumable = [
        callback
        for callback in callbacks
        if hasattr(callback, "get_state") and hasattr(callback, "set_state")
    ]
    run = _Run(position, resumable, checkpoint_dir, save_every)
    # One list for both calls of fit: callbacks see one run of all epochs.
    callback_list = keras.callbacks.CallbackList(
        [*callbacks, run],
        add_history=True,
        add_progbar=verbose != 0,
        model=model,
        epochs=epochs,
        steps=steps_per_epoch,
        verbose=2 if verbose == "auto" else verbose,
    )
    run.restore()
    epoch, num_steps_done = divmod(run.step, steps_per_epoch)
    is_within_epoch = num_steps_done > 0 and epoch < epochs
    position.pinned = True
    shared: dict[str, Any] = {"callbacks": callback_list, "verbose": verbose}
    try:
        if is_within_epoch:
            model.fit(
                batches,
                initial_epoch=epoch,
                epochs=epoch + 1,
                steps_per_epoch=steps_per_epoch - num_steps_done,
                **shared,
            )
            epoch += 1
        # Also where no epoch is left, for what callbacks do at the end.
        if epoch < epochs or not is_within_epoch:
            model.fit(batches, initial_epoch=epoch, epochs=epochs, **shared)
    finally:
        position.pinned = False
    return run.history


class _Run(TypedCallback):
    """The state of a run: counts its steps, saves and restores it."""

    def __init__(self, position, resumable, checkpoint_dir, save_every):
        super().__init__()
        self._position = position
        self._resumable = resumable
        self._callback_names = [type(one).__name__ for one in resumable]
        self._path = os.path.join(os.fspath(checkpoint_dir), _STATE_FILE)
        self._save_every = save_every
        self._means_within_epoch = None
        self.step = int(position.step)
        self.history = {}

    def restore(self):
        """Restores the saved state, where there is one."""
        keras_versions.build_optimizer(
            self.model.optimizer, self.model.trainable_variables
        )
        if not tf.io.gfile.exists(self._path):
            return
        state = _read_state(self._path)
        self.step = self._position.step = int(state["step"])
        logger.info("Resuming after step %d, from %s", self.step, self._path)
        self.history = json.loads(str(state["history"]))
        self._assign("variable", state)
        self._restore_callbacks(state)
        if self.step % self._position.steps_per_epoch:
            self._means_within_epoch = state

    def on_epoch_begin(self, epoch, logs=None):
        # Keras has just set the running means to 0.
        if self._means_within_epoch is not None:
            self._assign("mean", self._means_within_epoch)
            self._means_within_epoch = None

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        within_epoch = self.step % self._position.steps_per_epoch
        if within_epoch and self.step % self._save_every == 0:
            self._save()

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        self._position.step = self.step
        self._save()

    def _variables(self, kind):
        if kind == "variable":
            optimizer = self.model.optimizer
            kept = keras_versions.optimizer_variables(optimizer)
            return [*self.model.weights, *kept]
        metrics = self.model.metrics
        return [one for metric in metrics for one in metric.variables]

    def _save(self):
        state = {
            "step": self.step,
            "history": json.dumps(self.history),
            "callbacks": json.dumps(self._callback_names),
        }
        for number, callback in enumerate(self._resumable):
            for name, value in callback.get_state().items():
                state[f"callback.{number}.{name}"] = value
        for kind in ("variable", "mean"):
            for number, variable in enumerate(self._variables(kind)):
                state[f"{kind}.{number}"] = variable.numpy()
        packed = io.BytesIO()
        np.savez(packed, **state)
        with whole_file(self._path) as file:
            file.write(packed.getvalue())

    def _restore_callbacks(self, state):
        saved = json.loads(str(state["callbacks"]))
        if saved != self._callback_names:
            raise ValueError(
                f"{self._path} holds the state of the callbacks {saved}, this "
                f"run has {self._callback_names}: it is the state of "
                "another run"
            )
        for number, callback in enumerate(self._resumable):
            prefix = f"callback.{number}."
            names = [name for name in state if name.startswith(prefix)]
            callback.set_state(
                {name.removeprefix(prefix): state[name] for name in names}
            )

    def _assign(self, kind, state):
        variables = self._variables(kind)
        saved = [state[name] for name in state if name.startswith(f"{kind}.")]
        shapes = [tuple(variable.shape) for variable in variables]
        if [value.shape for value in saved] != shapes:
            raise ValueError(
                f"{self._path} holds {len(saved)} variables that do not fit "
                f"the model's {len(shapes)}: it is the state of another model"
            )
        for variable, value in zip(variables, saved, strict=True):
            variable.assign(value)


def _read_state(path):
    with tf.io.gfile.GFile(path, "rb") as file:
        contents = file.read()
    try:
        return dict(np.load(io.BytesIO(contents), allow_pickle=False))
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        raise ValueError(
            f"{path} cannot be read as the state of a run ({error}); delete it "
            "to begin anew"
        ) from error
