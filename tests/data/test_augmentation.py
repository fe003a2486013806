import functools

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

CHANGES = {
    "crop": kd.data.random_resized_crop,
    "crop_unmirrored": functools.partial(
        kd.data.random_resized_crop, mirrored=False
    ),
    "shift": kd.data.random_shift,
}
every_change = pytest.mark.parametrize("name", CHANGES)
IMAGE = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)


def seed(number):
    return tf.constant([0, number], tf.int64)


@every_change
def test_same_seed_gives_the_same_image_eagerly_and_in_a_dataset(name):
    change = CHANGES[name]
    dataset = tf.data.Dataset.from_tensors(IMAGE)
    dataset = dataset.map(lambda image: change(image, seed(3)))
    (mapped,) = dataset.as_numpy_iterator()
    np.testing.assert_array_equal(mapped, change(IMAGE, seed(3)))
    assert mapped.shape == IMAGE.shape and mapped.dtype == np.uint8


@every_change
def test_seeds_give_different_images(name):
    images = {CHANGES[name](IMAGE, seed(i)).numpy().tobytes() for i in range(9)}
    assert len(images) > 5


def test_without_shift_the_image_stays():
    shifted = kd.data.random_shift(IMAGE, seed(1), max_pixels=0)
    np.testing.assert_array_equal(shifted, IMAGE)
