"""What a model is trained on: a device, a machine's, or those of several.

`train.strategy` names it. Whatever it is, batches are those of the
configuration, of `classes_per_batch * images_per_class` images in all: every
device computes the features of an equal share, and losses see the pairs of
the whole batch.
"""

import numpy as np
import tensorflow as tf

from pipelines.training.tf_config import Task, read_task


def build_strategy(name: str) -> tf.distribute.Strategy:
    """Builds the strategy that a configuration names.

    `"multi_worker"` waits for all processes that TF_CONFIG names. It must
    come before anything else that a process does with TensorFlow.

    Args:
        name: `TrainConfig.strategy`.

    Raises:
        ValueError: where TF_CONFIG is missing or cannot be understood.
    """
    if name == "multi_worker":
        read_task()
        return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "mirrored":
        return _mirrored()
    return tf.distribute.get_strategy()


def task_of(strategy: tf.distribute.Strategy) -> Task:
    """Returns which of the processes of a strategy this one is.

    Args:
        strategy: from `build_strategy`.
    """
    return read_task() if _is_multi_worker(strategy) else Task()


def check_batch_size(strategy: tf.distribute.Strategy, batch_size: int) -> None:
    """Refuses batches that cannot be shared out equally.

    Args:
        strategy: to train under.
        batch_size: images in a batch, of all devices together.

    Raises:
        ValueError: where the devices do not divide the batch.
    """
    devices = strategy.num_replicas_in_sync
    if batch_size % devices:
        raise ValueError(
            "`classes_per_batch` * `images_per_class` must be a multiple of "
            f"the number of devices, {devices}; received batches of "
            f"{batch_size} images"
        )


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Returns when every process of a strategy has come as far as this.

    Args:
        strategy: from `build_strategy`.
    """
    if _is_multi_worker(strategy):
        _of_all(strategy, np.array(0, np.int32))


def texts_of_all(strategy: tf.distribute.Strategy, text: str) -> list[str]:
    """Gives the texts of all processes to all; each of them calls this.

    Args:
        strategy: from `build_strategy`.
        text: this process's.

    Returns:
        A text of each process, the chief's first.
    """
    if not _is_multi_worker(strategy):
        return [text]
    # What is gathered are numbers, as many from each process.
    letters = np.frombuffer(text.encode(), np.uint8).astype(np.int32)
    lengths = _of_all(strategy, np.array(len(letters), np.int32))
    letters = np.pad(letters, (0, lengths.max() - len(letters)))
    return [
        bytes(row[:length].tolist()).decode()
        for row, length in zip(_of_all(strategy, letters), lengths, strict=True)
    ]


def _of_all(strategy: tf.distribute.Strategy, value: np.ndarray) -> np.ndarray:
    """Returns arrays of equal shape of all processes, the chief's first."""

    def gather() -> tf.Tensor:
        replica = tf.distribute.get_replica_context()
        return replica.all_gather(tf.constant(value)[None], axis=0)

    gathered = tf.function(lambda: strategy.run(gather))()
    rows = strategy.experimental_local_results(gathered)[0].numpy()
    # Each device of a process has given a row.
    return rows[:: len(rows) // task_of(strategy).num_tasks]


def _mirrored() -> tf.distribute.Strategy:
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        return tf.distribute.MirroredStrategy()
    cpus = [cpu.name for cpu in tf.config.list_logical_devices("CPU")]
    return tf.distribute.MirroredStrategy(
        cpus, cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def _is_multi_worker(strategy: tf.distribute.Strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
