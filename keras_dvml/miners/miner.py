"""What all miners have in common."""

import dataclasses
from typing import Any, TypeVar

import keras
import tensorflow as tf
from typing_extensions import dataclass_transform

from keras_dvml import ops
from keras_dvml.typing import TensorLike

Kind = TypeVar("Kind", bound="Miner")


class Miner:
    """Base of the miners: functions from labels and embeddings to pairs.

    A loss over pairs takes one as its `miner`; any other code may call it. A
    subclass implements `mine(pairs, embeddings)`. As a dataclass it has its
    fields in `get_config` and `repr`.

    Call arguments:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids, or `ops.Pairs`
            to choose among.
        embeddings: `(batch, dim)` float tensor of any precision.

    Returns:
        `ops.Pairs`, without gradient.

    Example:
        >>> import dataclasses
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> @dataclasses.dataclass(frozen=True)
        ... class SimilarNegatives(kd.miners.Miner):
        ...     least: float = 0.5
        ...     def mine(self, pairs, embeddings):
        ...         similarity = kd.ops.pairwise_similarity(embeddings)
        ...         similar = similarity > self.least
        ...         return pairs._replace(negatives=pairs.negatives & similar)
        >>> pairs = SimilarNegatives(0.7)([0, 1, 2], [[1.0], [0.8], [0.2]])
        >>> pairs.negatives.numpy().astype(int)
        array([[0, 1, 0],
               [1, 0, 0],
               [0, 0, 0]])
    """

    def __call__(
        self, labels: ops.LabelsOrPairs, embeddings: TensorLike
    ) -> ops.Pairs:
        rows: Any = tf.stop_gradient(tf.cast(embeddings, tf.float32))
        pairs = ops.Pairs(
            ops.positive_pairs(labels), ops.negative_pairs(labels)
        )
        return self.mine(pairs, rows)

    def mine(self, pairs: ops.Pairs, embeddings: tf.Tensor) -> ops.Pairs:
        """Chooses among pairs.

        Args:
            pairs: All that there are.
            embeddings: `(batch, dim)` float32 tensor.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the miner anew."""
        fields = getattr(self, "__dataclass_fields__", ())
        return {name: getattr(self, name) for name in fields}

    @classmethod
    def from_config(cls: type[Kind], config: dict[str, Any]) -> Kind:
        """Returns a miner of what `get_config` returned."""
        return cls(**config)


@dataclass_transform(frozen_default=True)
def keras_miner(miner_class: type[Kind]) -> type[Kind]:
    """Makes the fields of a miner its arguments, and has Keras load it.

    Args:
        miner_class: Subclass of `Miner`, its fields annotated.

    Returns:
        The class itself, a frozen dataclass registered as `keras_dvml>Name`.
    """
    miner_class = dataclasses.dataclass(frozen=True)(miner_class)
    register = keras.saving.register_keras_serializable(package="keras_dvml")
    return register(miner_class)


@keras_miner
class AllMiner(Miner):
    """Chooses all pairs, in place of the choice that a loss makes by itself.

    Example:
        >>> import keras_dvml as kd
        >>> pairs = kd.miners.AllMiner()([4, 4, 9], [[1.0], [2.0], [3.0]])
        >>> pairs.positives.numpy().astype(int)
        array([[0, 1, 0],
               [1, 0, 0],
               [0, 0, 0]])
    """

    def mine(self, pairs: ops.Pairs, embeddings: tf.Tensor) -> ops.Pairs:
        return pairs
