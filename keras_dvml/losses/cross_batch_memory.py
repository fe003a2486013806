"""Cross-batch memory: a loss that also compares with earlier batches."""

from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from keras_dvml import keras_versions, ops
from keras_dvml.arguments import check_count
from keras_dvml.configured_layer import ConfiguredLayer
from keras_dvml.losses.metric_loss import MetricLoss, keras_loss
from keras_dvml.losses.pair_loss import PairLoss
from keras_dvml.typing import Self, TensorLike


class Memory(ConfiguredLayer):
    """A ring of the embeddings and labels that came last.

    Args:
        size: >= 1. Embeddings that it holds.
        **kwargs: `name`.

    Attributes:
        embeddings: `(size, dim)` float32 variable, once it is built.
        labels: `(size,)` int64 variable.
        num_steps: int32 variable. Batches so far.
        num_rows: int64 variable. Embeddings so far.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> memory = kd.losses.Memory(size=4)
        >>> memory.build((None, 1))
        >>> memory.append([7, 8, 9], [[0.7], [0.8], [0.9]])
        >>> memory.append([1, 2], [[0.1], [0.2]])
        >>> tf.convert_to_tensor(memory.labels).numpy()
        array([2, 8, 9, 1])
    """

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        check_count(1, size=size)
        self.size = size

    def build(self, input_shape: Any) -> None:
        self.embeddings = self._weight(
            "embeddings", (self.size, input_shape[-1])
        )
        self.labels = self._weight("labels", (self.size,), "int64")
        self.num_steps = self._weight("num_steps", (), "int32")
        self.num_rows = self._weight("num_rows", (), "int64")
        self.built = True

    def append(self, labels: TensorLike, embeddings: TensorLike) -> None:
        """Puts a batch in the place of the rows that came first.

        Args:
            labels: `(batch,)` or `(batch, 1)` integer tensor.
            embeddings: `(batch, dim)` float tensor.

        Raises:
            ValueError: If the batch is larger than the memory.
        """
        labels = tf.cast(ops.flatten_labels(labels), tf.int64)
        new_rows: Any = tf.stop_gradient(tf.cast(embeddings, tf.float32))
        batch_size = new_rows.shape[0]
        if batch_size is not None and batch_size > self.size:
            raise ValueError(
                f"size must be at least that of a batch, {batch_size}; "
                f"received {self.size}"
            )
        num_rows = tf.convert_to_tensor(self.num_rows)
        rows = tf.range(tf.size(labels, tf.int64)) + num_rows
        rows = tf.math.floormod(rows, self.size)[:, None]
        for variable, new in (
            (self.embeddings, new_rows),
            (self.labels, labels),
        ):
            old = tf.convert_to_tensor(variable)
            variable.assign(tf.tensor_scatter_nd_update(old, rows, new))
        self.num_rows.assign_add(tf.size(labels, tf.int64))
        self.num_steps.assign_add(1)

    def clear(self) -> None:
        """Forgets all rows; the count of batches goes on."""
        self.num_rows.assign(0)

    def _weight(self, name, shape, dtype="float32"):
        return self.add_weight(
            name=name,
            shape=shape,
            dtype=dtype,
            initializer="zeros",
            trainable=False,
            # All replicas append the global batch.
            aggregation=keras_versions.ONLY_FIRST_REPLICA,
        )


@keras_loss
class CrossBatchMemory(MetricLoss):
    """Compares a batch with the embeddings of earlier batches as well.

    Pairs become as many as in a batch larger by `size`, at the cost of a batch
    x size matrix: embeddings change so slowly that those of earlier steps
    still serve. They count as constants. Each row of the batch is an anchor, of
    its pairs in the batch and with the memory; each of these is compared by
    `loss`, mined by its miner.

    The memory is the layer `memory`, of weights that do not train. The models
    of `keras_dvml.models` adopt it when they are compiled with the loss: it is
    saved and resumed with them. They remember the embeddings of each training
    step, under `tf.distribute` of the global batch; a training step of your own
    does so with `remember`. Measuring the loss leaves the memory as it is, and
    compares with it: label ids must mean the same classes there.

    Args:
        loss: A loss over pairs, such as `SupConLoss()`.
        size: >= 1. Embeddings remembered; at least a batch.
        warm_up: >= 0. Training steps before the memory takes part, since early
            embeddings change fast.
        name: Name of the loss.

    Raises:
        ValueError: If `loss` is no `PairLoss`, or a number is out of range.

    Example:
        >>> import keras_dvml as kd
        >>> loss = kd.losses.CrossBatchMemory(
        ...     kd.losses.ContrastiveLoss(), size=8
        ... )
        >>> float(loss([0, 1], [[0.0, 0.0], [3.0, 0.0]]))
        0.0
        >>> loss.remember([0], [[0.0, 0.6]])
        >>> float(loss([0, 1], [[0.0, 0.0], [3.0, 0.0]]))
        0.36...

    Reference:
        [Wang et al., 2020](https://arxiv.org/abs/1912.06798)
    """

    loss: PairLoss
    size: int = 8192
    warm_up: int = 0
    name: str = "cross_batch_memory"

    layer_names: ClassVar[tuple[str, ...]] = ("memory",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.loss, PairLoss):
            raise ValueError(
                "loss must be a loss over pairs, a keras_dvml.losses.PairLoss; "
                f"received {self.loss!r}"
            )
        check_count(0, warm_up=self.warm_up)
        self.memory = Memory(self.size, name=f"{self.name}_rows")

    def build(self, embedding_dim: int) -> None:
        if not self.memory.built:
            self.memory.build((None, embedding_dim))

    def call(self, labels: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        self.build(int(embeddings.shape[-1] or 0))
        remembered = tf.convert_to_tensor(self.memory.embeddings)
        rows = tf.concat(
            [tf.cast(embeddings, tf.float32), tf.stop_gradient(remembered)],
            axis=0,
        )
        return self.loss.compare(self._pairs(labels), rows)

    def remember(
        self, labels: ops.LabelsOrPairs, embeddings: TensorLike
    ) -> None:
        """Puts a batch in the place of the embeddings that came first.

        Args:
            labels: `(batch,)` or `(batch, 1)` integer tensor of class ids.
            embeddings: `(batch, dim)` float tensor.

        Raises:
            ValueError: If the batch is larger than the memory.
        """
        embeddings = tf.convert_to_tensor(embeddings)
        self.build(int(embeddings.shape[-1] or 0))
        self.memory.append(labels, embeddings)

    def relabel(self, is_new: np.ndarray, centroids: np.ndarray | None) -> None:
        if self.memory.built:
            self.memory.clear()

    def _pairs(self, labels):
        """Returns the pairs of the batch with itself and the memory."""
        labels = tf.cast(ops.flatten_labels(labels), tf.int64)
        memory = self.memory
        has_begun = tf.convert_to_tensor(memory.num_steps) >= self.warm_up
        num_rows = tf.where(has_begun, tf.convert_to_tensor(memory.num_rows), 0)
        is_there = tf.range(self.size, dtype=tf.int64) < num_rows
        is_there = tf.concat([tf.ones_like(labels, tf.bool), is_there], axis=0)
        all_labels = tf.concat(
            [labels, tf.convert_to_tensor(memory.labels)], axis=0
        )
        same = tf.equal(labels[:, None], all_labels[None, :])
        itself = tf.zeros_like(labels, tf.bool)
        return ops.Pairs(
            tf.linalg.set_diag(same & is_there, itself),
            tf.logical_not(same) & is_there,
        )

    def get_config(self) -> dict[str, Any]:
        serialized = keras.saving.serialize_keras_object(self.loss)
        return {**super().get_config(), "loss": serialized}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        loss = keras.saving.deserialize_keras_object(config["loss"])
        return cls(**{**config, "loss": loss})
