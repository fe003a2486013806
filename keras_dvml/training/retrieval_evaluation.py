"""Retrieval scores of held-out classes while a model trains."""

import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.arguments import check_count, check_one_of, in_order
from keras_dvml.data.batches import batches_in_order
from keras_dvml.data.image_source import check_number_of_labels, image_source
from keras_dvml.evaluation import evaluate_retrieval, score_names
from keras_dvml.evaluation.checks import checked_labels
from keras_dvml.evaluation.retrieval import check_scorable
from keras_dvml.training.best_weights import BestWeights
from keras_dvml.training.embedding_projector import EmbeddingProjector
from keras_dvml.training.score_log import ScoreLog
from keras_dvml.training.typed_callback import TypedCallback


class RetrievalEvaluation(TypedCallback):
    """Embeds held-out images at the end of epochs, scores and logs them.

    Scores go into the logs of the epoch, and so into `fit`'s history, as
    `val_recall@1`, `val_map@r`, `val_nmi` and so on; epochs without an
    evaluation have none, as with the `validation_freq` of `fit`, and so the
    history is shorter. Callbacks that watch a score, such as Keras's
    `EarlyStopping`, stand behind this one. With a `log_dir` scores also go into

    - `retrieval.csv`, a row an evaluation;
    - TensorBoard's scalars, as `retrieval/recall@1` and so on;
    - TensorBoard's projector, which shows the latest embeddings as a cloud of
      thumbnails (of more than 10,000 images that many, evenly spaced).

    Training steps are not touched. `training.resumable_fit` restores scores
    and best weights.

    Args:
        images: held-out images: uint8 array, paths, encoded images or
            `tf.data.Dataset`, as for `data.balanced_batches`.
        labels: `(N,)` array of class ids.
        ks: The k of Recall@k, each in 1..N-1.
        every: >= 1. Evaluates after every so many epochs, and after the last.
        batch_size: >= 1. Images embedded at once.
        image_size: Height and width in pixels to decode to, where the model
            takes images of any size; by default the model's.
        clustering: Whether to give `nmi`, `ami` and `f1`, which take long
            where there are thousands of classes.
        log_dir: Folder of the files above, one run's, also as a URI such as
            `gs://`; epochs count from 0 in them, as in Keras's own.
        keep_best: Name of a score, such as `"map@r"`: the weights are kept, in
            memory, of the evaluation where it was highest, of equal ones the
            first.
        restore_best: Whether the model gets these weights at the end.

    Attributes:
        evaluations: list of a dict for each evaluation so far: `epoch`, and
            name to score.
        best: what `keep_best` keeps: `best.score`, `best.epoch` and
            `best.weights`, `None` before the first evaluation;
            `best.restore(model)` gives a model these weights.

    Raises:
        ValueError: If an argument is out of range, or no class has two images;
            when training begins, if there is not one label an image, or the
            model takes images of another size.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> random = np.random.default_rng(0)
        >>> images = random.integers(0, 256, (20, 16, 16, 3)).astype(np.uint8)
        >>> labels = np.arange(20) // 5
        >>> evaluation = kd.training.RetrievalEvaluation(
        ...     images, labels, every=2, keep_best="map@r"
        ... )
        >>> backbone = kd.models.conv_backbone(16, widths=(4, 8))
        >>> model = kd.models.EmbeddingModel(backbone, embedding_dim=8)
        >>> model.compile("adam", loss=kd.losses.TripletSemiHardLoss())
        >>> _ = model.fit(
        ...     images, labels, epochs=3, callbacks=[evaluation], verbose=0
        ... )
        >>> [scores["epoch"] for scores in evaluation.evaluations]
        [1, 2]
        >>> evaluation.best.epoch in (1, 2)
        True
    """

    def __init__(
        self,
        images: Any,
        labels: ArrayLike,
        ks: Sequence[int] = (1, 2, 4, 8),
        every: int = 1,
        batch_size: int = 256,
        *,
        image_size: int | None = None,
        clustering: bool = True,
        log_dir: str | os.PathLike | None = None,
        keep_best: str | None = None,
        restore_best: bool = False,
    ) -> None:
        super().__init__()
        self._names = score_names(ks, clustering)
        check_count(1, every=every, batch_size=batch_size)
        if keep_best is not None:
            check_one_of(self._names, keep_best=keep_best)
        elif restore_best:
            raise ValueError(
                "keep_best must be the name of a score where restore_best is "
                "True; received None"
            )
        self.images = images
        labels = np.asarray(in_order(labels, "labels"))
        self.labels = checked_labels(
            labels, len(np.atleast_1d(labels)), "images"
        )
        check_scorable(self.labels, ks)
        self.ks = ks
        self.every = every
        self.batch_size = batch_size
        self.image_size = image_size
        self.clustering = clustering
        self.log_dir = log_dir
        self.keep_best = keep_best
        self.restore_best = restore_best
        self.logged_names = [f"val_{name}" for name in self._names]
        self.evaluations = []
        self.best = BestWeights()
        self._num_epochs = 0
        self._log = self._projector = self._source = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        size = self.model.image_size
        if self._source is None:
            # Once: a data set may not be there, or not the same, again.
            self._source = image_source(self.images, self.image_size or size[0])
        check_number_of_labels(len(self.labels), self._source)
        self._batches = batches_in_order(self._source, self.batch_size)
        spec: Any = self._batches.element_spec
        shape = spec.shape[1:3]
        if not shape.is_compatible_with(size):
            raise ValueError(
                f"images must be of the size that the model takes, {size}; "
                f"received {tuple(shape)}"
            )

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._num_epochs = epoch + 1
        if self._num_epochs % self.every == 0 or self._is_last_epoch():
            scores = self._evaluate(epoch)
            if logs is not None:
                logs.update({f"val_{name}": scores[name] for name in scores})

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._log is not None:
            self._log.close()
        # Where a run is resumed within an epoch, the end of that epoch is an
        # end of training too, and not the one that is meant.
        is_end = self._is_last_epoch() or self.model.stop_training
        if is_end and self.restore_best:
            self.best.restore(self.model)

    def get_state(self) -> dict[str, np.ndarray]:
        """Returns scores and best weights, for a run that may be resumed."""
        return {
            "num_epochs": np.asarray(self._num_epochs),
            "evaluations": np.asarray(json.dumps(self.evaluations)),
            **self.best.get_state(),
        }

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Restores what `get_state` returned."""
        self._num_epochs = int(state["num_epochs"])
        self.evaluations = json.loads(str(state["evaluations"]))
        self.best.set_state(state)

    def _is_last_epoch(self):
        return self._num_epochs >= self.params["epochs"]

    def _evaluate(self, epoch):
        embeddings = self.model.predict(self._batches, verbose=0)
        scores = evaluate_retrieval(
            embeddings,
            self.labels,
            self.ks,
            clustering=self.clustering,
            progress=False,
        )
        self.evaluations.append({"epoch": epoch, **scores})
        if self.keep_best:
            self.best.offer(self.model, scores[self.keep_best], epoch)
        if self.log_dir:
            self._write(self.log_dir, embeddings, epoch)
        return scores

    def _write(self, log_dir, embeddings, epoch):
        if self._log is None or self._projector is None:
            self._log = ScoreLog(log_dir)
            self._projector = EmbeddingProjector(log_dir, self.labels)
            self._projector.write_items(self._batches)
        self._log.write(self.evaluations)
        self._projector.write_embeddings(embeddings, epoch)
