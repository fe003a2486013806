"""What the losses over pairs have in common."""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from keras_dvml import ops
from keras_dvml.losses.metric_loss import MetricLoss
from keras_dvml.miners import Miner
from keras_dvml.typing import Self


@dataclasses.dataclass(eq=False, repr=False)
class PairLoss(MetricLoss):
    """Base of the losses that compare the pairs of a batch.

    A subclass implements `call(labels, embeddings)`, where `labels` may be
    `ops.Pairs`.

    Args:
        miner: Which pairs are compared; `None` for all, or for the loss's own
            choice. See `keras_dvml.miners`.

    Example:
        >>> import keras_dvml as kd
        >>> miner = kd.miners.HardMiner()
        >>> kd.losses.ContrastiveLoss(margin=0.5, miner=miner)
        ContrastiveLoss(margin=0.5, miner=HardMiner())
    """

    miner: Miner | None = dataclasses.field(default=None, kw_only=True)

    def compare(
        self, labels: ops.LabelsOrPairs, embeddings: tf.Tensor
    ) -> tf.Tensor:
        """Returns the loss of the pairs that the miner chooses.

        Args:
            labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `Pairs`.
            embeddings: `(batch, dim)` float tensor.

        Returns:
            Scalar float32 tensor.
        """
        if self.miner is not None:
            labels = self.miner(labels, embeddings)
        return self.call(labels, embeddings)

    @property
    def parameters(self) -> dict[str, Any]:
        """The fields of the dataclass but for the name and the miner."""
        return {
            name: value
            for name, value in super().parameters.items()
            if name != "miner"
        }

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.miner is not None:
            config["miner"] = keras.saving.serialize_keras_object(self.miner)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        if "miner" in config:
            miner = keras.saving.deserialize_keras_object(config["miner"])
            config = {**config, "miner": miner}
        return cls(**config)

    def __repr__(self) -> str:
        shown = super().__repr__()
        if self.miner is None:
            return shown
        separator = ", " if self.parameters else ""
        return f"{shown[:-1]}{separator}miner={self.miner!r})"
