"""What a training reports: lines on the screen, curves for TensorBoard."""

import logging
import time

import keras
import tensorflow as tf

from pipelines.artifacts.histories import CURVE, History, num_epochs

_SECONDS_BETWEEN_LINES = 3.0
# What Keras adds of its own.
_NOT_KEPT = ("val_", "learning_rate")

logger = logging.getLogger(__name__)


def write_summaries(folder: str, history: History) -> None:
    """Writes it for TensorBoard, the first epoch as step 1."""
    writer = tf.summary.create_file_writer(folder)
    with writer.as_default():
        for name, values in history.items():
            for step, value in enumerate(values, start=1):
                if value is not None:
                    tf.summary.scalar(name, value, step=step)
    writer.close()


def kept_values(
    history: dict[str, list[float]], curve: dict[int, float]
) -> History:
    """Chooses what is worth keeping of a training.

    Args:
        history: what `fit` returned.
        curve: epoch, from 0, to score, of the epochs that have one.

    Example:
        >>> kept_values({"loss": [3, 2], "val_recall@1": [0.5]}, {1: 0.5})
        {'loss': [3.0, 2.0], 'val_recall@1': [None, 0.5]}
    """
    kept: History = {
        name: [float(value) for value in values]
        for name, values in history.items()
        if not name.startswith(_NOT_KEPT)
    }
    if curve:
        kept[CURVE] = [curve.get(epoch) for epoch in range(num_epochs(kept))]
    return kept


class EpochLines(keras.callbacks.Callback):
    """Logs a line an epoch, though no more than one every few seconds.

    Args:
        first_epoch: number of the first epoch of this fit.
        num_epochs: epochs of this fit.
    """

    def __init__(self, first_epoch: int, num_epochs: int) -> None:
        super().__init__()
        self.first_epoch = first_epoch
        self.num_epochs = num_epochs
        self._last_line = float("-inf")

    def on_epoch_end(
        self, epoch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Writes the line when one is due."""
        now = time.monotonic()
        number = epoch - self.first_epoch + 1
        is_last = number == self.num_epochs
        if not is_last and now - self._last_line < _SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        values = ", ".join(
            f"{name} {value:.3f}" for name, value in _shown(logs or {}).items()
        )
        logger.info("epoch %d of %d: %s", number, self.num_epochs, values)


def _shown(logs: dict[str, float]) -> dict[str, float]:
    """Returns what a line has room for, the loss before its terms."""
    return {
        name: value
        # Keras 3 has them in the order of the alphabet.
        for name, value in sorted(
            logs.items(), key=lambda log: log[0] != "loss"
        )
        if name == CURVE or not name.startswith(_NOT_KEPT)
    }
