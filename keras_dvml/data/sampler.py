"""Which images go into which batch."""

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.arguments import check_count, check_in_range, in_order


class BalancedSampler:
    """Chooses batches of P classes with K images each.

    A batch is a function of (labels, seed, step) alone: training can be
    resumed at any step, with the batches it would have had.

    Args:
        labels: `(N,)` integer class ids, at least 0.
        classes_per_batch: P, at least 1.
        images_per_class: K, at least 2.
        seed: At least 0.
        replacement: Whether a class with fewer than K images, and a batch
            where there are fewer than P classes, fill up with repetitions;
            otherwise both are errors.
        skip_unlabelled: Whether images with a label < 0 are left out;
            otherwise they are an error.

    Attributes:
        labels: `(N,)` array, as given.

    Raises:
        ValueError: If there are fewer than P classes, or a class has too few
            images.

    Example:
        >>> import keras_dvml as kd
        >>> labels = [0, 0, 1, 1, 2, 2]
        >>> sampler = kd.data.BalancedSampler(labels, 2, 2, seed=0)
        >>> sampler.batch(step=0).shape
        (4,)
    """

    def __init__(
        self,
        labels: ArrayLike,
        classes_per_batch: int = 16,
        images_per_class: int = 5,
        seed: int = 0,
        replacement: bool = False,
        skip_unlabelled: bool = False,
    ) -> None:
        labels = np.asarray(in_order(labels, "labels"))
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(
                "labels must be one integer an image; received shape "
                f"{labels.shape}, dtype {labels.dtype}"
            )
        unlabelled = np.flatnonzero(labels < 0)
        if len(unlabelled) and not skip_unlabelled:
            raise ValueError(
                f"labels must be >= 0; received {labels.min()}: unlabelled "
                "images have no class to balance"
            )
        # With one image a class, a batch has no positive pair.
        check_count(2, images_per_class=images_per_class)
        check_count(0, seed=seed)
        self.labels = labels
        self.classes_per_batch = classes_per_batch
        self.images_per_class = images_per_class
        self.seed = seed
        order = np.argsort(labels, kind="stable")[len(unlabelled) :]
        classes, counts = np.unique(labels[order], return_counts=True)
        self._members = np.split(order, np.cumsum(counts)[:-1])
        # As soon as there is a class, repetitions fill up a batch.
        if replacement and len(classes):
            check_count(1, classes_per_batch=classes_per_batch)
        else:
            self._check_sizes(classes, counts)

    @property
    def batch_size(self) -> int:
        """Images in a batch, P x K."""
        return self.classes_per_batch * self.images_per_class

    def batch(self, step: int) -> np.ndarray:
        """Returns the `(P * K,)` int64 indices of a batch, class by class.

        Args:
            step: At least 0, counted from the beginning of training.
        """
        random = np.random.default_rng([self.seed, step])
        wanted, present = self.classes_per_batch, len(self._members)
        if wanted > present:
            chosen = np.resize(random.permutation(present), wanted)
        else:
            chosen = random.choice(present, wanted, replace=False)
        shuffled = (random.permutation(self._members[c]) for c in chosen)
        # Repeats only where the class is smaller than asked for.
        return np.concatenate(
            [np.resize(rows, self.images_per_class) for rows in shuffled]
        )

    def _check_sizes(self, classes: np.ndarray, counts: np.ndarray) -> None:
        check_in_range(
            1,
            len(classes),
            "the number of classes",
            classes_per_batch=self.classes_per_batch,
        )
        small = np.flatnonzero(counts < self.images_per_class)
        if len(small):
            first = small[0]
            raise ValueError(
                "images_per_class must be at most the images of each class; "
                f"received {self.images_per_class}, but {len(small)} of "
                f"{len(classes)} classes have fewer, the first being class "
                f"{classes[first]} with {counts[first]}. Pass "
                "replacement=True to fill up with repetitions"
            )
