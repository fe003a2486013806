"""From image files to embeddings: decoding, scaling and model in one graph."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_dvml import data, ops
from keras_dvml.serving.image_parts import decode_each, in_parts


class ImageEmbedder:
    """Embeds image files in a graph, which is traced once.

    Not a `tf.Module`: with one, `tf.saved_model.save` would track the model,
    and trace what Keras trains with.

    Args:
        model: `models.MetricModel`, or any Keras model from
            `(batch, height, width, 3)` images in 0..255 to embeddings. Its
            `image_fit`, if it has one, says how images become that size.

    Raises:
        ValueError: If the model takes images of any size.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.image_size = _image_size(model)
        self.image_fit: data.ImageFit = getattr(model, "image_fit", "crop")

    @functools.cached_property
    def embed(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """From `(batch,)` image files to their `(batch, dim)` embeddings."""

        def embed_part(part):
            images = data.decode_images(part, self.image_size, self.image_fit)
            return [self._embedded(images)]

        def embed(image_bytes):
            (embeddings,) = in_parts(embed_part, image_bytes, [tf.float32])
            return embeddings

        return traced(embed, image_bytes_spec())

    @functools.cached_property
    def embed_each(
        self,
    ) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
        """The same, where some may be no images.

        To `(batch, dim)` embeddings, zeros where bytes are no image, and a
        `(batch,)` bool tensor: whether they are.
        """

        def embed_part(part):
            images, is_image = decode_each(
                part, self.image_size, self.image_fit
            )
            embeddings = self._embedded(images)
            return tf.where(is_image[:, None], embeddings, 0.0), is_image

        def embed_each(image_bytes):
            types = [tf.float32, tf.bool]
            return tuple(in_parts(embed_part, image_bytes, types))

        return traced(embed_each, image_bytes_spec())

    @property
    def embedding_dim(self) -> int | None:
        """The width of the embeddings."""
        return self.embed.output_shapes[1]

    @functools.cached_property
    def _embedded(self):
        def embedded(images):
            embeddings = self.model(ops.with_a_row(images), training=False)
            return tf.cast(embeddings, tf.float32)[: tf.shape(images)[0]]

        return traced(
            embedded, tf.TensorSpec([None, *self.image_size, 3], tf.uint8)
        )


def traced(function: Callable, spec: tf.TensorSpec) -> Any:
    """Returns the graph of a function of one tensor, to be called like it."""
    return tf.function(function, input_signature=[spec]).get_concrete_function()


def image_bytes_spec() -> tf.TensorSpec:
    """Returns what image files are in a graph."""
    return tf.TensorSpec([None], tf.string, name="image_bytes")


def _image_size(model: keras.Model) -> tuple[int, int]:
    size = getattr(model, "image_size", None) or model.input_shape[1:3]
    if None in size:
        raise ValueError(
            "model must take images of one size; received height and width "
            f"{tuple(size)}"
        )
    height, width = size
    return height, width
