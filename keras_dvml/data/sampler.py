"""Which images go into which batch."""

import numpy as np


class BalancedSampler:
    """Chooses batches of P classes with K images each.

    A batch is a function of (labels, seed, step) alone: training can be taken
    up at any step and goes on with the batches it would have had.

    Args:
        labels: `(N,)` array of int class ids >= 0.
        classes_per_batch: int >= 1. P.
        images_per_class: int >= 2. K.
        seed: int >= 0.
        replacement: bool. Whether a class with fewer than K images, and a
            batch where there are fewer than P classes, fill up with
            repetitions; otherwise both are errors.
        skip_unlabelled: bool. Whether images with a label < 0 are left out;
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
        labels,
        classes_per_batch=16,
        images_per_class=5,
        seed=0,
        replacement=False,
        skip_unlabelled=False,
    ):
        labels = np.asarray(labels)
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(
                "labels must be one integer an image; received shape "
                f"{labels.shape}, dtype {labels.dtype}"
            )
        unlabelled = np.flatnonzero(labels < 0)
        if len(unlabelled) and not skip_unlabelled:
            raise ValueError(
                f"labels must be >= 0; received {labels.min()}. Unlabelled "
                "images have no classes to balance."
            )
        if images_per_class < 2:
            raise ValueError(
                "images_per_class must be at least 2, or a batch has no "
                f"positive pair; received {images_per_class}"
            )
        if seed < 0:
            raise ValueError(f"seed must be at least 0; received {seed}")
        self.labels = labels
        self.classes_per_batch = classes_per_batch
        self.images_per_class = images_per_class
        self.seed = seed
        order = np.argsort(labels, kind="stable")[len(unlabelled) :]
        classes, counts = np.unique(labels[order], return_counts=True)
        self._members = np.split(order, np.cumsum(counts)[:-1])
        if not replacement:
            self._check_sizes(classes, counts)
        if classes_per_batch < 1 or not len(classes):
            raise ValueError(
                f"classes_per_batch={classes_per_batch}, but there are "
                f"{len(classes)} classes"
            )

    @property
    def batch_size(self):
        """Images in a batch, P x K."""
        return self.classes_per_batch * self.images_per_class

    def batch(self, step):
        """Returns the `(P * K,)` int64 indices of a batch, class by class.

        Args:
            step: int >= 0, counted from the beginning of training.
        """
        random = np.random.default_rng([self.seed, step])
        return np.concatenate(
            [
                self._draw(random, self._members[one])
                for one in self._classes(random)
            ]
        )

    def _classes(self, random):
        wanted, present = self.classes_per_batch, len(self._members)
        if wanted > present:
            return np.resize(random.permutation(present), wanted)
        return random.choice(present, wanted, replace=False)

    def _draw(self, random, members):
        shuffled = random.permutation(members)
        # Repeats only where the class is smaller than asked for.
        return np.resize(shuffled, self.images_per_class)

    def _check_sizes(self, classes, counts):
        if self.classes_per_batch > len(classes):
            raise ValueError(
                f"classes_per_batch={self.classes_per_batch}, but there are "
                f"{len(classes)} classes"
            )
        small = np.flatnonzero(counts < self.images_per_class)
        if len(small):
            first = small[0]
            raise ValueError(
                f"{len(small)} of {len(classes)} classes have fewer than "
                f"images_per_class={self.images_per_class} images, the first "
                f"being class {classes[first]} with {counts[first]}. Pass "
                "replacement=True to fill up with repetitions."
            )
