import functools

import numpy as np
import pytest
import tensorflow as tf

import keras_dvml as kd

CHANGES = {
    "color": kd.data.random_color,
    "color_inverted": functools.partial(kd.data.random_color, inverted=True),
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


def test_without_strength_colours_stay():
    recoloured = kd.data.random_color(IMAGE, seed(1), strength=0.0)
    np.testing.assert_array_equal(recoloured, IMAGE)


def test_an_image_is_inverted_half_of_the_time():
    images = [
        kd.data.random_color(IMAGE, seed(i), strength=0.0, inverted=True)
        for i in range(100)
    ]
    inverted = [np.array_equal(image, 255 - IMAGE) for image in images]
    as_it_was = [np.array_equal(image, IMAGE) for image in images]
    assert np.logical_xor(inverted, as_it_was).all()
    # 50 +- 4 standard deviations, sqrt(100) / 2 = 5.
    assert 30 <= sum(inverted) <= 70


def test_recolouring_gives_each_channel_one_gain_and_one_offset():
    # Values that no change of strength 0.2 takes out of 0..255: the gain is
    # at most exp(0.2 * 1.4) < 1.33, the offset at most 0.2 * 64 * 1.3 < 17.
    values = np.linspace(78, 178, 256).round().astype(np.uint8)
    image = np.stack([values.reshape(16, 16)] * 3, axis=-1)
    recoloured = kd.data.random_color(image, seed(2), strength=0.2).numpy()
    mean = image.astype(float).mean()
    lines = [
        np.polyfit(values - mean, recoloured[..., channel].ravel() - mean, 1)
        for channel in range(3)
    ]
    for channel, line in enumerate(lines):
        fitted = np.polyval(line, values - mean) + mean
        # What is left is rounding.
        changed = recoloured[..., channel].ravel()
        np.testing.assert_allclose(changed, fitted, atol=0.75)
    gains, offsets = np.transpose(lines)
    assert np.all(np.abs(np.log(gains)) < 0.2 * 1.4 + 0.01)
    assert np.all(np.abs(offsets) < 0.2 * 64 * 1.3 + 0.5)
    assert len(set(gains.round(4))) == len(set(offsets.round(2))) == 3


def test_recolouring_moves_the_tone_that_tells_images_apart():
    dark, light = (np.full((8, 8, 3), grey, np.uint8) for grey in (90, 160))
    tones = [
        [kd.data.random_color(image, seed(i)).numpy().mean() for i in range(60)]
        for image in (dark, light)
    ]
    # Brightness alone moves each by up to 64: their ranges overlap.
    assert max(tones[0]) > min(tones[1])
