"""What all metric losses have in common as Keras losses."""

import dataclasses
from typing import Any, ClassVar, TypeVar

import keras
import numpy as np
import tensorflow as tf
from typing_extensions import dataclass_transform

from keras_dvml import ops
from keras_dvml.typing import TensorLike

Loss = TypeVar("Loss", bound="MetricLoss")


class MetricLoss(keras.losses.Loss):
    """Base of the losses over a whole batch of labels and embeddings.

    A subclass implements `call(labels, embeddings)` and returns a scalar. As a
    dataclass it has its fields in `parameters`, `get_config` and `repr`.

    Call arguments:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids: integers of
            any width, booleans, whole floats, or names: what
            `ops.flatten_labels` takes; for losses over pairs, `ops.Pairs` as
            well.
        embeddings: `(batch, dim)` float tensor of any precision.

    Returns:
        Scalar float32 tensor.

    Raises:
        ValueError: If `embeddings` is not a matrix, labels are not one an
            embedding, as one-hot labels are not, or sample weights are given:
            a term over pairs has no weight per image.

    Example:
        >>> import dataclasses
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> @dataclasses.dataclass(eq=False, repr=False)
        ... class Shrinkage(kd.losses.MetricLoss):
        ...     rate: float = 0.1
        ...     name: str = "shrinkage"
        ...     def call(self, labels, embeddings):
        ...         return self.rate * tf.nn.l2_loss(embeddings)
        >>> loss = Shrinkage(rate=0.5)
        >>> loss, float(loss([0], [[2.0, 0.0]]))
        (Shrinkage(rate=0.5), 1.0)
    """

    #: Attributes that are layers, for the model to adopt.
    layer_names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name)

    def __post_init__(self) -> None:
        MetricLoss.__init__(self, self.name)

    # Keras' own __call__ would cast class ids to floats and average over
    # "samples"; here the batch is the sample.
    def __call__(
        self,
        labels: ops.LabelsOrPairs,
        embeddings: TensorLike,
        sample_weight: None = None,
    ) -> tf.Tensor:
        if sample_weight is not None:
            raise ValueError(
                f"{type(self).__name__} is a loss over pairs and takes no "
                "sample_weight"
            )
        embeddings = tf.convert_to_tensor(embeddings)
        if embeddings.shape.rank not in (None, 2):
            raise ValueError(
                "embeddings must be (batch, dim); received shape "
                f"{embeddings.shape}"
            )
        with tf.name_scope(self.name or type(self).__name__):
            if not isinstance(labels, ops.Pairs):
                labels = _one_an_embedding(labels, embeddings)
            return self.compare(labels, embeddings)

    def compare(
        self, labels: ops.LabelsOrPairs, embeddings: tf.Tensor
    ) -> tf.Tensor:
        """Returns the loss of checked arguments; what `__call__` ends in."""
        return self.call(labels, embeddings)

    def build(self, embedding_dim: int) -> None:
        """Makes the weights that depend on the width of the embedding."""

    def remember(
        self, labels: ops.LabelsOrPairs, embeddings: TensorLike
    ) -> None:
        """Keeps a batch, where the loss has a memory.

        Args:
            labels: `(batch,)` or `(batch, 1)` tensor of class ids.
            embeddings: `(batch, dim)` float tensor.
        """

    def relabel(self, is_new: np.ndarray, centroids: np.ndarray | None) -> None:
        """Forgets what belongs to labels that were given anew.

        Args:
            is_new: `(num_classes,)` bool array: ids that now mean another
                class than before.
            centroids: `(num_classes, dim)` float array of the means of the
                embeddings of the classes; `None` where they are not known.
        """

    @property
    def parameters(self) -> dict[str, Any]:
        """The fields of the dataclass but for the name."""
        if not dataclasses.is_dataclass(self):
            return {}
        names = [field.name for field in dataclasses.fields(self)]
        return {name: getattr(self, name) for name in names if name != "name"}

    def get_config(self) -> dict[str, Any]:
        # Keras gives tuples back as something else.
        parameters = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self.parameters.items()
        }
        return {"name": self.name, **parameters}

    def __repr__(self) -> str:
        values = [
            f"{name}={value!r}" for name, value in self.parameters.items()
        ]
        return f"{type(self).__name__}({', '.join(values)})"


def _one_an_embedding(labels, embeddings):
    labels = tf.convert_to_tensor(labels)
    num_rows = embeddings.shape[:1]
    if not ops.flatten_labels(labels).shape.is_compatible_with(num_rows):
        raise ValueError(
            "labels must be one an embedding; received shape "
            f"{labels.shape} for {num_rows[0]} embeddings"
        )
    return labels


@dataclass_transform()
def keras_loss(loss_class: type[Loss]) -> type[Loss]:
    """Makes the fields of a loss its arguments, and has Keras load it.

    Args:
        loss_class: Subclass of `MetricLoss`, its fields annotated.

    Returns:
        The class itself, a dataclass registered as `keras_dvml>Name`.
    """
    loss_class = dataclasses.dataclass(eq=False, repr=False)(loss_class)
    register = keras.saving.register_keras_serializable(package="keras_dvml")
    return register(loss_class)
