"""The random changes of training images that configurations name."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

import keras_dvml as kd
from pipelines.configs import TrainConfig

Augmentation = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def augmentation_of(config: TrainConfig) -> Augmentation | None:
    """Returns a function of `(image, seed)`, or `None` for no change.

    Args:
        config: names it, and says how strong it is.
    """

    def crop(
        image: tf.Tensor, seed: tf.Tensor, mirrored: bool = True
    ) -> tf.Tensor:
        return kd.data.random_resized_crop(
            image, seed, min_area=config.crop_min_area, mirrored=mirrored
        )

    def change_photograph(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return crop(_recolored(image, seed, config, inverted=False), seed)

    def change_drawing(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        recolored = _recolored(image, seed, config, inverted=True)
        # Characters are not themselves in a mirror.
        return crop(recolored, seed, mirrored=False)

    return {
        "none": None,
        "random_shift": kd.data.random_shift,
        "random_resized_crop": crop,
        "photographs": change_photograph,
        "drawings": change_drawing,
    }[config.augmentation]


def _recolored(image, seed, config, inverted):
    # Seeds of its own, or colour and part would go together.
    random: Any = tf.random
    seed = random.experimental.stateless_fold_in(seed, 1)
    return kd.data.random_color(
        image, seed, strength=config.color_strength, inverted=inverted
    )
