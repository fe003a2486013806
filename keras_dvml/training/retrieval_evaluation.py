"""Retrieval scores of held-out classes while a model trains."""

import keras
import numpy as np

from keras_dvml.data import image_batches
from keras_dvml.evaluation import evaluate_retrieval, score_names


class RetrievalEvaluation(keras.callbacks.Callback):
    """Embeds held-out images at the end of epochs and logs their scores.

    Scores go into the logs of the epoch, and so into `fit`'s history, as
    `val_recall@1`, `val_map@r`, `val_nmi` and so on; epochs without an
    evaluation log NaN.

    Args:
        images: held-out images: uint8 array, paths, encoded images or
            `tf.data.Dataset`, as for `data.balanced_batches`.
        labels: `(N,)` array of class ids.
        ks: ints. The k of Recall@k.
        every: int >= 1. Evaluates after every so many epochs, and after the
            last.
        batch_size: int. Images embedded at once.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> evaluation = kd.training.RetrievalEvaluation(
        ...     np.zeros((8, 32, 32, 3), np.uint8), [0, 0, 0, 0, 1, 1, 1, 1]
        ... )
    """

    def __init__(
        self, images, labels, ks=(1, 2, 4, 8), every=1, batch_size=256
    ):
        super().__init__()
        if every < 1:
            raise ValueError(f"every must be at least 1; received {every}")
        self.images = images
        self.labels = np.asarray(labels)
        self.ks = ks
        self.every = every
        self.batch_size = batch_size

    def on_train_begin(self, logs=None):
        self._batches = image_batches(
            self.images, self.batch_size, self.model.image_size[0]
        )

    def on_epoch_end(self, epoch, logs=None):
        last = epoch + 1 == self.params.get("epochs")
        due = (epoch + 1) % self.every == 0
        scores = dict.fromkeys(score_names(self.ks), float("nan"))
        if due or last:
            embeddings = self.model.predict(self._batches, verbose=0)
            scores = evaluate_retrieval(
                embeddings, self.labels, self.ks, progress=False
            )
        if logs is not None:
            logs.update({f"val_{name}": one for name, one in scores.items()})
