import keras
import numpy as np

import keras_dvml as kd


def test_images_are_scaled_as_keras_scales_them_for_resnet50():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(
        kd.layers.CaffeScaling()(images),
        keras.applications.resnet50.preprocess_input(images.copy()),
        atol=1e-4,
    )
