"""What all metric losses have in common as Keras losses."""

import dataclasses
from typing import Any, TypeVar

import keras
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
            `ops.flatten_labels` takes.
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

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name)

    def __post_init__(self) -> None:
        MetricLoss.__init__(self, self.name)

    # Keras' own __call__ would cast class ids to floats and average over
    # "samples"; here the batch is the sample.
    def __call__(
        self,
        labels: TensorLike,
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
            labels = tf.convert_to_tensor(labels)
            num_rows = embeddings.shape[:1]
            if not ops.flatten_labels(labels).shape.is_compatible_with(
                num_rows
            ):
                raise ValueError(
                    "labels must be one an embedding; received shape "
                    f"{labels.shape} for {num_rows[0]} embeddings"
                )
            return self.call(labels, embeddings)

    @property
    def parameters(self) -> dict[str, Any]:
        """The fields of the dataclass but for the name."""
        fields = getattr(self, "__dataclass_fields__", ())
        return {key: getattr(self, key) for key in fields if key != "name"}

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, **self.parameters}

    def __repr__(self) -> str:
        values = [
            f"{name}={value!r}" for name, value in self.parameters.items()
        ]
        return f"{type(self).__name__}({', '.join(values)})"


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
