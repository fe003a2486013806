"""Batches of images for training and for embedding."""

import numpy as np
import tensorflow as tf

from keras_dvml.data.image_source import image_source
from keras_dvml.data.sampler import BalancedSampler


def balanced_batches(
    images,
    labels,
    *,
    classes_per_batch=16,
    images_per_class=5,
    steps_per_epoch=None,
    image_size=None,
    augment=None,
    seed=0,
    replacement=False,
):
    """Batches of P classes with K images each, for losses over pairs.

    Each pass over the result is an epoch with batches of its own, set by the
    seed. Images are read as they are needed. The result's attribute
    `position` says where the next pass begins, for runs that are resumed.

    Args:
        images: uint8 array `(N, height, width, 3)`, sequence of N paths or of
            N encoded images, or `tf.data.Dataset` of single images.
        labels: `(N,)` array of int class ids >= 0.
        classes_per_batch: int. P.
        images_per_class: int >= 2. K.
        steps_per_epoch: int or `None`. Batches an epoch; by default as many
            as use N images.
        image_size: int or `None`. Height and width in pixels to decode to;
            needed unless the images are decoded.
        augment: function `(image, seed) -> image` applied to each image, such
            as `random_resized_crop`; or `None`.
        seed: int >= 0. Seed of the choice and of the augmentation.
        replacement: bool. Whether a class with fewer than K images, and a
            batch where there are fewer than P classes, fill up with
            repetitions; otherwise both are errors.

    Returns:
        `tf.data.Dataset` of `(images, labels)`: `(P * K, height, width, 3)`
        uint8 and `(P * K,)` int64.

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
    labels = np.asarray(labels)
    if len(labels) != len(source):
        raise ValueError(
            f"{len(source)} images but {len(labels)} labels; expected one "
            "label an image"
        )
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
    source, current_sampler, *, batch_size, steps_per_epoch, augment, seed
):
    """Batches whose classes may change from one pass to the next.

    Args:
        source: `ArraySource` or `EncodedSource` of N images.
        current_sampler: function without arguments that returns a
            `BalancedSampler`; asked once at the beginning of each pass.
        batch_size: int. Images in each of its batches.
        steps_per_epoch: int or `None`, as for `balanced_batches`.
        augment: As for `balanced_batches`.
        seed: int >= 0. Seed of the augmentation.

    Returns:
        `tf.data.Dataset`, as from `balanced_batches`.
    """
    if steps_per_epoch is None:
        steps_per_epoch = max(1, len(source) // batch_size)
    if steps_per_epoch < 1:
        raise ValueError(
            f"steps_per_epoch must be at least 1; received {steps_per_epoch}"
        )
    position = Position(steps_per_epoch)

    def epoch_batches():
        sampler = current_sampler()
        first_step = position.begin_pass()
        for step in range(first_step, first_step + steps_per_epoch):
            indices = sampler.batch(step)
            # A number of its own for each image drawn, to seed its change.
            draws = step * batch_size + np.arange(batch_size)
            yield indices, sampler.labels[indices], draws

    spec = tf.TensorSpec((batch_size,), tf.int64)
    dataset = tf.data.Dataset.from_generator(
        epoch_batches, output_signature=(spec, spec, spec)
    )

    def read(indices, batch_labels, draws):
        batch = source.read(indices)
        if augment is not None:
            batch = _augment(batch, draws, augment, seed)
        return batch, batch_labels

    dataset = dataset.map(read, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.apply(
        tf.data.experimental.assert_cardinality(steps_per_epoch)
    )
    dataset = dataset.prefetch(tf.data.AUTOTUNE)
    dataset.position = position
    return dataset


class Position:
    """The step of training that the next pass over batches begins with.

    Args:
        steps_per_epoch: int >= 1. Steps of a pass.

    Attributes:
        step: int. Counted from the beginning of training.
        pinned: bool. Whether `step` stays as it is; otherwise each pass
            moves it on to the next epoch.
        num_passes: int. Passes that have begun.
    """

    def __init__(self, steps_per_epoch):
        self.steps_per_epoch = steps_per_epoch
        self.step = 0
        self.pinned = False
        self.num_passes = 0

    def begin_pass(self):
        """Returns the first step of a pass that begins now."""
        first_step = self.step
        self.num_passes += 1
        if not self.pinned:
            self.step += self.steps_per_epoch
        return first_step


def image_batches(images, batch_size=256, image_size=None):
    """Batches of images in their own order, for embedding them.

    Args:
        images: As for `balanced_batches`.
        batch_size: int >= 1. The last batch may be smaller.
        image_size: int or `None`. Height and width in pixels to decode to;
            needed unless the images are decoded.

    Returns:
        `tf.data.Dataset` of `(batch, height, width, 3)` uint8 tensors.
    """
    return batches_in_order(image_source(images, image_size), batch_size)


def batches_in_order(source, batch_size):
    """Batches of the images of a source, as from `image_batches`."""
    dataset = tf.data.Dataset.range(len(source)).batch(batch_size)
    dataset = dataset.map(source.read, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _augment(batch, draws, augment, seed):
    return tf.map_fn(
        lambda pair: augment(
            pair[0], tf.stack([tf.constant(seed, tf.int64), pair[1]])
        ),
        (batch, draws),
        fn_output_signature=tf.TensorSpec(batch.shape[1:], tf.uint8),
    )
