"""Clusters of unlabelled images as labels, made anew while a model trains."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from keras_dvml.arguments import check_count, check_in_range
from keras_dvml.clustering import Clustering, k_means_clusterer
from keras_dvml.clustering.clustering import Clusterer
from keras_dvml.data.batches import sampled_batches
from keras_dvml.data.image_fit import ImageFit, ImageSize
from keras_dvml.data.image_source import image_source
from keras_dvml.data.sampler import BalancedSampler
from keras_dvml.models import MetricModel
from keras_dvml.training.embedding_pass import embed_all
from keras_dvml.training.label_round import LabelRound
from keras_dvml.training.round_history import RoundHistory
from keras_dvml.training.typed_callback import TypedCallback

logger = logging.getLogger(__name__)


class PseudoLabels(TypedCallback):
    """Labels unlabelled images by clustering them, every few epochs anew.

    A callback and a source of batches at once: `fit` takes `batches()` as its
    data and the object itself among its callbacks. A round embeds all images,
    clusters the embeddings and labels each image with its cluster; it takes
    place before the first epoch and before each whose number is a multiple of
    `every`.

    - The first round clusters the pooled backbone features, since the
      embedding is untrained; later rounds cluster the embeddings.
    - Each round starts from the clusters of the one before and keeps their
      names, as `next_round` describes. Embeddings that are bit for bit those
      of the round before keep their clusters.
    - Batches are drawn with replacement: clusters with fewer images than a
      batch wants are filled up with repetitions, and so are batches where
      fewer clusters have members than a batch wants. Noise is not drawn.

    Each epoch logs the figures of the round it trained on, and so do `fit`'s
    history and TensorBoard: `clusters_round`, `clusters_smallest`, `_median`
    and `_largest` (members), `_num_empty`, `_num_single`, `_num_noise`,
    `_changed` (share of images), `_nmi_previous` and, with true labels,
    `_nmi_true`; `LabelRound` explains them, and what is `None` there is not
    logged. `training.resumable_fit` restores labels and rounds.

    Args:
        images: N images: uint8 array, paths, encoded images or
            `tf.data.Dataset`, as for `data.balanced_batches`.
        num_clusters: 1..N. K of `clustering.k_means`, with its default
            settings; or `None` where `clusterer` is given.
        every: >= 1. Epochs a round of labels lasts.
        image_size: As for `data.balanced_batches`; needed unless the
            images are decoded.
        true_labels: `(N,)` int array or `None`. Compared with, never trained
            on.
        clusterer: What clusters instead, as for `next_round`: such as
            `clustering.k_means_clusterer(100, engine="faiss")`,
            `clustering.sklearn_clusterer(...)`, or a function
            `(embeddings, previous) -> clustering.Clustering`.
        batch_size: Images embedded at once.
        seed: >= 0. Seed of clusters, batches and augmentation.
        verbose: 0, 1 or `"auto"`. Whether embedding and clustering show a
            progress bar; by default they do where `fit` does.

    Attributes:
        clustering: `clustering.Clustering` of the latest round, or `None`.
        rounds: list of a `LabelRound` for each round so far.

    Raises:
        ValueError: If an argument is out of range or does not fit the images,
            or not one of num_clusters and clusterer is given.
        TypeError: If the model has no backbone features.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> random = np.random.default_rng(0)
        >>> images = random.integers(0, 256, (40, 16, 16, 3)).astype(np.uint8)
        >>> backbone = kd.models.conv_backbone(16, widths=(4, 8))
        >>> model = kd.models.EmbeddingModel(backbone, embedding_dim=8)
        >>> model.compile("adam", loss=kd.losses.MultiSimilarityLoss())
        >>> pseudo = kd.training.PseudoLabels(images, num_clusters=8, every=2)
        >>> history = model.fit(
        ...     pseudo.batches(classes_per_batch=4, images_per_class=5),
        ...     epochs=4,
        ...     callbacks=[pseudo],
        ...     verbose=0,
        ... )
        >>> [label_round.epoch for label_round in pseudo.rounds]
        [0, 2]

    Reference:
        [Cao et al., 2019](https://arxiv.org/abs/1911.07072)
    """

    def __init__(
        self,
        images: Any,
        num_clusters: int | None = None,
        every: int = 5,
        *,
        image_size: ImageSize | None = None,
        image_fit: ImageFit = "crop",
        true_labels: ArrayLike | None = None,
        clusterer: Clusterer | None = None,
        batch_size: int = 256,
        seed: int = 0,
        verbose: int | str = "auto",
    ) -> None:
        super().__init__()
        self._source = image_source(images, image_size, image_fit)
        num_images = len(self._source)
        if num_clusters is not None and clusterer is None:
            check_in_range(
                1, num_images, "the number of images", num_clusters=num_clusters
            )
            clusterer = self._k_means_clusterer(num_clusters)
        elif num_clusters is not None or clusterer is None:
            raise ValueError(
                "one of num_clusters and clusterer must be given; received "
                f"num_clusters={num_clusters}, clusterer={clusterer}"
            )
        check_count(1, every=every)
        self._rounds = RoundHistory(clusterer, num_images, true_labels)
        not_logged = {"epoch", "num_clusters", "num_reseeded", "inertia"}
        if true_labels is None:
            not_logged.add("nmi_true")
        self._figures = [
            name for name in LabelRound._fields if name not in not_logged
        ]
        self.logged_names = [f"clusters_{name}" for name in self._figures]
        self.num_clusters = num_clusters
        self.every = every
        self.batch_size = batch_size
        self.seed = seed
        self.verbose = verbose
        # The epoch under way, labels made; -1 between epochs.
        self._epoch = -1
        self._streams = []

    @property
    def clustering(self) -> Clustering | None:
        """The clustering of the latest round."""
        return self._rounds.clustering

    @property
    def rounds(self) -> list[LabelRound]:
        """The figures of each round so far."""
        return self._rounds.records

    def batches(
        self,
        classes_per_batch: int = 16,
        images_per_class: int = 5,
        steps_per_epoch: int | None = None,
        augment: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
    ) -> tf.data.Dataset:
        """Batches of P clusters with K images each, labelled with clusters.

        A batch is a function of the seed, its step and the labels of its
        round. Pass the result to `fit` as it is: labels hold for one pass over
        it, and an epoch must be one.

        Args:
            classes_per_batch: P, at most num_clusters.
            images_per_class: >= 2. K.
            steps_per_epoch: >= 1. Batches an epoch; by default as many as use
                N images.
            augment: As for `data.balanced_batches`.

        Returns:
            `tf.data.Dataset` of `(images, labels)`, as from
            `data.balanced_batches`, its attribute `position` included.

        Raises:
            ValueError: If P is more than num_clusters, or an argument is out
                of range.
        """
        if self.num_clusters and classes_per_batch > self.num_clusters:
            raise ValueError(
                f"classes_per_batch must be at most {self.num_clusters}, "
                f"num_clusters; received {classes_per_batch}"
            )

        def sampler_of(assignments):
            return BalancedSampler(
                assignments,
                classes_per_batch,
                images_per_class,
                seed=self.seed,
                replacement=True,
                skip_unlabelled=True,
            )

        dataset = sampled_batches(
            self._source,
            lambda: sampler_of(self._current_assignments()),
            # Of made-up labels, so that bad numbers are named at once.
            batch_size=sampler_of(np.zeros(1, int)).batch_size,
            steps_per_epoch=steps_per_epoch,
            augment=augment,
            seed=self.seed,
        )
        self._streams.append((dataset.position, classes_per_batch))
        return dataset

    def on_train_begin(self, logs: dict | None = None) -> None:
        if not hasattr(self.model, "features"):
            raise TypeError(
                "model must have backbone features, as UDML has; received "
                f"{type(self.model).__name__}"
            )
        self._features = tf.function(self.model.features)
        self._embeddings = tf.function(
            lambda images: self.model(images, training=False)
        )
        self._num_epochs = 0
        self._passes_before = [stream.num_passes for stream, _ in self._streams]

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        due = epoch % self.every == 0 or self.clustering is None
        # A run resumed in the middle of an epoch has its labels.
        if due and epoch != self._epoch:
            self._relabel(epoch)
        # Afterwards, for what is drawn ahead to have been drawn by now.
        self._check_passes()
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = -1
        self._num_epochs += 1
        if logs is not None:
            for name in self._figures:
                value = getattr(self.rounds[-1], name)
                # Callbacks of Keras compare what is there, NaN as well.
                if value is not None:
                    logs[f"clusters_{name}"] = value

    def get_state(self) -> dict[str, np.ndarray]:
        """Returns labels and rounds, for a run that may be resumed."""
        return {"epoch": np.asarray(self._epoch), **self._rounds.get_state()}

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Restores what `get_state` returned."""
        self._epoch = int(state["epoch"])
        self._rounds.set_state(state)

    def _relabel(self, epoch):
        embed = self._embeddings if self.rounds else self._features
        embeddings = embed_all(
            embed, self._source, self.batch_size, self._shows_progress()
        )
        self._rounds.begin(embeddings, epoch)
        if isinstance(self.model, MetricModel):
            self.model.relabel(*self._rounds.renewed(embeddings))
        present = self.rounds[-1].num_clusters
        wanted = max([wanted for _, wanted in self._streams], default=0)
        if present < wanted:
            logger.warning(
                "Only %d clusters have members: batches of %d classes hold "
                "some of them repeatedly.",
                present,
                wanted,
            )

    def _k_means_clusterer(self, num_clusters):
        # Whether it shows progress is known once `fit` runs.
        return lambda embeddings, previous: k_means_clusterer(
            num_clusters, seed=self.seed, progress=self._shows_progress()
        )(embeddings, previous)

    def _shows_progress(self):
        fit_verbose = self.params.get("verbose") in (1, "auto")
        return fit_verbose if self.verbose == "auto" else bool(self.verbose)

    def _current_assignments(self):
        if self.clustering is None:
            raise RuntimeError(
                "there are no labels yet: pass the PseudoLabels that made the "
                "batches to fit, in callbacks"
            )
        return self.clustering.assignments

    def _check_passes(self):
        """Batches drawn ahead, or left over, would have outdated labels."""
        for (position, _), before in zip(
            self._streams, self._passes_before, strict=True
        ):
            num_passes = position.num_passes - before
            if num_passes not in (0, self._num_epochs):
                raise ValueError(
                    "each epoch must be one pass over batches(), without "
                    "repeat() and with steps_per_epoch given to batches(); "
                    f"received {num_passes} passes in {self._num_epochs} epochs"
                )
