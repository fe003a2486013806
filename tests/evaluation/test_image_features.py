import numpy as np
import pytest

import keras_dvml as kd


@pytest.fixture(scope="module")
def image():
    rows, columns, colors = np.mgrid[:64, :64, :3]
    waves = np.sin(rows / 5 + colors) * np.cos(columns**2 / 90)
    return np.round(127.5 + 127.5 * waves)


def test_gradients_are_those_of_scikit_image(image):
    (features,) = kd.evaluation.hog_features(image[None]).numpy()
    # scikit-image 0.26.0, hog(image, 9, (8, 8), (2, 2), "L2-Hys",
    # channel_axis=-1), scaled to length 1: both ends, and three sums over all.
    first = [0.00268, 0, 0, 0.00225, 0.05794, 0.00238, 0, 0, 0]
    last = [0.05034, 0.00135, 0, 0, 0.00654, 0, 0, 0.00128, 0.05034]
    np.testing.assert_allclose(features[:9], first, atol=1e-5)
    np.testing.assert_allclose(features[-9:], last, atol=1e-5)
    waves = np.cos(np.outer([1, 2, 3], np.arange(1764)))
    np.testing.assert_allclose(
        waves @ features, [0.54187, -0.03908, 0.12465], atol=2e-5
    )


def test_similarity_of_pixels_is_their_correlation(image):
    images = np.stack([image, image[::-1], 255 - image, image / 2 + 20])
    features = kd.evaluation.pixel_features(images).numpy()
    # 4 x 4 pixels of each image become one.
    shrunk = images.reshape(4, 16, 4, 16, 4, 3).mean(axis=(2, 4))
    expected = np.corrcoef(shrunk.reshape(4, -1))
    np.testing.assert_allclose(features @ features.T, expected, atol=1e-5)
    # Neither brightness nor contrast makes a difference.
    assert expected[0, 3] == pytest.approx(1) == -expected[0, 2]


@pytest.mark.parametrize(
    "extract", [kd.evaluation.pixel_features, kd.evaluation.hog_features]
)
def test_images_of_any_size_and_nothing_give_numbers(extract):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, 50, 90, 3)).astype(np.uint8)
    images[1] = 7
    features = extract(images).numpy()
    np.testing.assert_allclose(
        np.linalg.norm(features, axis=1), [1, 0], atol=1e-5
    )
