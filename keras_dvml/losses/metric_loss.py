"""What all metric losses have in common as Keras losses."""

import keras
import tensorflow as tf


class MetricLoss(keras.losses.Loss):
    """Base of the losses over a whole batch of labels and embeddings.

    A subclass implements `call(labels, embeddings)` and returns a scalar.

    Call arguments:
        labels: `(batch,)` or `(batch, 1)` tensor of class ids.
        embeddings: `(batch, dim)` float tensor of any precision.

    Returns:
        Scalar float32 tensor.

    Raises:
        ValueError: If `embeddings` is not a matrix, or sample weights are
            given: a term over pairs has no weight per image.
    """

    def __init__(self, name=None):
        super().__init__(name=name)

    # Keras' own __call__ would cast class ids to floats and average over
    # "samples"; here the batch is the sample.
    def __call__(self, labels, embeddings, sample_weight=None):
        if sample_weight is not None:
            raise ValueError(
                f"{type(self).__name__} is a loss over pairs and takes no "
                "sample_weight"
            )
        embeddings = tf.convert_to_tensor(embeddings)
        if embeddings.shape.rank not in (None, 2):
            raise ValueError(
                f"embeddings must be (batch, dim); received shape "
                f"{embeddings.shape}"
            )
        with tf.name_scope(self.name or type(self).__name__):
            return self.call(tf.convert_to_tensor(labels), embeddings)

    def get_config(self):
        return {"name": self.name}
