"""Scales images as Caffe's networks, such as ResNet50, were trained."""

import keras
import tensorflow as tf

from keras_dvml.typing import TensorLike

# Mean blue, green and red of ImageNet.
_MEANS = (103.939, 116.779, 123.68)


@keras.saving.register_keras_serializable(package="keras_dvml")
class CaffeScaling(keras.layers.Layer):
    """Turns RGB into BGR and subtracts the mean of ImageNet.

    `keras.applications.resnet50.preprocess_input` as a layer, to be passed as
    `preprocessing` to a model with that backbone.

    Call arguments:
        images: `(batch, height, width, 3)` tensor, RGB, 0..255.

    Returns:
        Float tensor of the same shape.

    Example:
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> kd.layers.CaffeScaling()(tf.zeros((1, 1, 1, 3))).numpy().ravel()
        array([-103.939, -116.779, -123.68 ], dtype=float32)
    """

    def call(self, images: TensorLike) -> tf.Tensor:
        blue_first = tf.reverse(tf.cast(images, self.compute_dtype), axis=[-1])
        return blue_first - tf.constant(_MEANS, blue_first.dtype)
