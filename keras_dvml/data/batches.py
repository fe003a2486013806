"""Batches of images for training and for embedding."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from keras_dvml.arguments import check_count, in_order
from keras_dvml.data.image_source import (
    Images,
    ImageSource,
    check_number_of_labels,
    image_source,
)
from keras_dvml.data.sampler import BalancedSampler

Augment = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def balanced_batches(
    images: Images,
    labels: ArrayLike,
    *,
    classes_per_batch: int = 16,
    images_per_class: int = 5,
    steps_per_epoch: int | None = None,
    image_size: int | None = None,
    augment: Augment | None = None,
    seed: int = 0,
    replacement: bool = False,
) -> tf.data.Dataset:
    """Batches of P classes with K images each, for losses over pairs.

    Each pass over the result is an epoch with batches of its own, set by the
    seed. Images are read as they are needed. The result's attribute
    `position` is where the next pass begins, for runs that are resumed.

    Args:
        images: uint8 array `(N, height, width, 3)`, sequence of N paths or of
            N encoded images, or `tf.data.Dataset` of single images.
        labels: `(N,)` integer class ids, at least 0.
        classes_per_batch: P.
        images_per_class: K, at least 2.
        steps_per_epoch: Batches an epoch; by default as many as use N images.
        image_size: Height and width in pixels to decode to; needed unless the
            images are decoded.
        augment: Function `(image, seed) -> image` applied to each image, such
            as `random_resized_crop`.
        seed: At least 0. Seed of the choice and of the augmentation.
        replacement: Whether a class with fewer than K images, and a batch
            where there are fewer than P classes, fill up with repetitions;
            otherwise both are errors.

    Returns:
        Pairs `(images, labels)`: `(P * K, height, width, 3)` uint8 and
        `(P * K,)` int64.

    Raises:
        ValueError: If images and labels differ in number, there are fewer
            than P classes, or a class has too few images.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> images = np.zeros((40, 32, 32, 3), np.uint8)
        >>> labels = np.arange(40) // 10
        >>> batches = kd.data.balanced_batches(
        ...     images, labels, classes_per_batch=4, images_per_class=5
        ... )
        >>> batches.element_spec[0].shape
        TensorShape([20, 32, 32, 3])
    """
    source = image_source(images, image_size)
    labels = np.asarray(in_order(labels, "labels"))
    check_number_of_labels(len(labels), source)
    sampler = BalancedSampler(
        labels, classes_per_batch, images_per_class, seed, replacement
    )
    return sampled_batches(
        source,
        lambda: sampler,
        batch_size=sampler.batch_size,
        steps_per_epoch=steps_per_epoch,
        augment=augment,
        seed=seed,
    )


def sampled_batches(
    source: ImageSource,
    current_sampler: Callable[[], BalancedSampler],
    *,
    batch_size: int,
    steps_per_epoch: int | None,
    augment: Augment | None,
    seed: int,
) -> tf.data.Dataset:
    """Batches whose classes may change from one pass to the next.

    Args:
        source: N images.
        current_sampler: Called once at the beginning of each pass.
        batch_size: Images in each batch of the sampler.
        steps_per_epoch: As for `balanced_batches`.
        augment: As for `balanced_batches`.
        seed: At least 0. Seed of the augmentation.

    Returns:
        As from `balanced_batches`.
    """
    steps = steps_per_epoch
    if steps is None:
        steps = max(1, len(source) // batch_size)
    check_count(1, steps_per_epoch=steps)
    position = Position(steps)

    def epoch_batches() -> Iterator[tuple[np.ndarray, ...]]:
        sampler = current_sampler()
        first_step = position.begin_pass()
        for step in range(first_step, first_step + steps):
            indices = sampler.batch(step)
            # A number of its own for each image drawn, to seed its change.
            draws = step * batch_size + np.arange(batch_size)
            seeds = np.stack([np.full_like(draws, seed), draws], axis=1)
            yield indices, sampler.labels[indices], seeds

    if augment is not None:
        _check_augment(augment, source.image_shape)
    spec = tf.TensorSpec((batch_size,), tf.int64)
    seeds_spec = tf.TensorSpec((batch_size, 2), tf.int64)
    dataset = tf.data.Dataset.from_generator(
        epoch_batches, output_signature=(spec, spec, seeds_spec)
    )

    def read(indices, batch_labels, seeds):
        batch = source.read(indices)
        if augment is not None:
            change = augment
            batch = tf.map_fn(
                lambda drawn: change(*drawn),
                (batch, seeds),
                fn_output_signature=tf.TensorSpec(batch.shape[1:], tf.uint8),
            )
        return batch, batch_labels

    dataset = dataset.map(read, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    dataset = dataset.prefetch(tf.data.AUTOTUNE)
    # What Keras passes on is the data set itself, with its attributes.
    dataset.position = position  # pyright: ignore[reportAttributeAccessIssue]
    return _naming_errors(dataset, source)


def _check_augment(augment, image_shape):
    """Raises where it would fail, or return what is no such image."""
    must = f"augment must return a uint8 image {image_shape}, 0..255; received"
    drawn = np.zeros(image_shape, np.uint8), np.zeros(2, np.int64)
    try:
        returned = tf.data.Dataset.from_tensors(drawn).map(augment).element_spec
    # Whatever it was, it is for whoever wrote the function.
    except Exception as error:
        raise ValueError(
            "augment must be a function (image, seed) -> image; received "
            f"{augment!r}, which fails on {image_shape} uint8 and (2,) int64: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(returned, tf.TensorSpec):
        raise ValueError(f"{must} {returned}")
    if returned.dtype != tf.uint8 or not returned.shape.is_compatible_with(
        image_shape
    ):
        raise ValueError(
            f"{must} {returned.dtype.name} {returned.shape}. Of floats "
            "tf.saturate_cast(tf.round(image), tf.uint8) makes one"
        )


def _naming_errors(dataset, source):
    """Lets those who read a data set name the image that fails in it."""
    dataset.errors_named = source.errors_named
    return dataset


@dataclasses.dataclass
class Position:
    """The step of training that the next pass over batches begins with.

    Args:
        steps_per_epoch: At least 1. Steps of a pass.

    Attributes:
        step: Counted from the beginning of training.
        pinned: Whether `step` stays as it is; otherwise each pass advances it
            to the next epoch.
        num_passes: Passes that have begun.
    """

    steps_per_epoch: int
    step: int = 0
    pinned: bool = False
    num_passes: int = 0

    def begin_pass(self) -> int:
        """Returns the first step of a pass that begins now."""
        first_step = self.step
        self.num_passes += 1
        if not self.pinned:
            self.step += self.steps_per_epoch
        return first_step


def image_batches(
    images: Images, batch_size: int = 256, image_size: int | None = None
) -> tf.data.Dataset:
    """Batches of images in their own order, for embedding them.

    Args:
        images: As for `balanced_batches`.
        batch_size: At least 1. The last batch may be smaller.
        image_size: Height and width in pixels to decode to; needed unless the
            images are decoded.

    Returns:
        `(batch, height, width, 3)` uint8 tensors.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> png = tf.io.encode_png(tf.zeros((20, 30, 3), tf.uint8)).numpy()
        >>> batches = kd.data.image_batches([png] * 3, image_size=16)
        >>> [batch.shape for batch in batches]
        [TensorShape([3, 16, 16, 3])]
    """
    return batches_in_order(image_source(images, image_size), batch_size)


def batches_in_order(source: ImageSource, batch_size: int) -> tf.data.Dataset:
    """Batches of the images of a source, as from `image_batches`."""
    check_count(1, batch_size=batch_size)
    dataset = tf.data.Dataset.range(len(source)).batch(batch_size)
    dataset = dataset.map(source.read, num_parallel_calls=tf.data.AUTOTUNE)
    return _naming_errors(dataset.prefetch(tf.data.AUTOTUNE), source)
