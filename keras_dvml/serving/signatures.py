"""What a SavedModel answers: image bytes in, embeddings or ids out."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, SupportsFloat

import keras
import tensorflow as tf

from keras_dvml import data, keras_versions, ops
from keras_dvml.index import Index
from keras_dvml.serving.image_parts import decode_each, in_parts

#: The status of bytes that are none.
NO_IMAGE = (
    "INVALID_ARGUMENT: not an image that can be decoded, or of more than 64 "
    "megapixels"
)

Requests = dict[str, dict[str, Any]]


class EmbedModule(tf.Module):
    """Embeds image files: decoding, scaling and model in one graph.

    Args:
        model: `models.MetricModel`, or any Keras model from
            `(batch, height, width, 3)` images in 0..255 to embeddings. Its
            `image_fit`, if it has one, says how images become that size.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        # Untracked: `tf.saved_model.save` would trace what Keras trains with.
        self._get_model = lambda: model
        # The graph captures these; a SavedModel must own what it captures.
        self._variables = keras_versions.tf_variables(model.variables)
        self._call = lambda images: model(images, training=False)
        self.image_size = _image_size(model)
        self.image_fit: data.ImageFit = getattr(model, "image_fit", "crop")

    @property
    def model(self) -> keras.Model:
        """The Keras model that embeds."""
        return self._get_model()

    def embed(self, image_bytes: tf.Tensor) -> tf.Tensor:
        """Returns the `(batch, dim)` embeddings of `(batch,)` image files."""

        def embed_part(part):
            images = data.decode_images(part, self.image_size, self.image_fit)
            return [self._embedded(images)]

        (embeddings,) = in_parts(embed_part, image_bytes, [tf.float32])
        return embeddings

    def embed_each(self, image_bytes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Does the same, where some may be no images.

        Returns:
            Tuple of `(batch, dim)` embeddings, zeros where bytes are no image,
            and `(batch,)` bool tensor: whether they are.
        """

        def embed_part(part):
            images, is_image = decode_each(
                part, self.image_size, self.image_fit
            )
            embeddings = self._embedded(images)
            return tf.where(is_image[:, None], embeddings, 0.0), is_image

        embeddings, is_image = in_parts(
            embed_part, image_bytes, [tf.float32, tf.bool]
        )
        return embeddings, is_image

    def _embedded(self, images: tf.Tensor) -> tf.Tensor:
        embeddings = self._call(ops.with_a_row(images))
        return tf.cast(embeddings, tf.float32)[: tf.shape(images)[0]]

    def signatures(self) -> dict[str, Callable]:
        """Returns the signatures of the module, by name."""

        @tf.function(input_signature=[_image_bytes()])
        def embed(image_bytes):
            return {"embedding": self.embed(image_bytes)}

        @tf.function(input_signature=[_image_bytes()])
        def embed_each(image_bytes):
            embeddings, is_image = self.embed_each(image_bytes)
            return {"embedding": embeddings, "status": _status(is_image)}

        return {
            "serving_default": embed,
            "embed": embed,
            "embed_each": embed_each,
        }

    def sample_requests(self) -> Requests:
        """Returns an input of each signature, by name."""
        pixels = tf.fill((*self.image_size, 3), tf.constant(128, tf.uint8))
        image_bytes = {"image_bytes": tf.io.encode_png(pixels)[None]}
        names = ("serving_default", "embed", "embed_each")
        return dict.fromkeys(names, image_bytes)


class SearchModule(EmbedModule):
    """Embeds image files and finds the nearest gallery items.

    Args:
        model: As for `EmbedModule`.
        index: The gallery, unchanged since it was built.
        k: Number of results of a search.
        match_threshold: Least score of a result that counts as a match;
            without one, results have no `is_match`.
    """

    def __init__(
        self,
        model: keras.Model,
        index: Index,
        k: int,
        match_threshold: SupportsFloat | None = None,
    ) -> None:
        super().__init__(model)
        index.check_k(k)
        self.index = index
        self.k = k
        self.match_threshold = _checked_threshold(match_threshold)
        self.match_rates = _rates(match_threshold)

    def signatures(self) -> dict[str, Callable]:
        @tf.function(input_signature=[_image_bytes()])
        def search(image_bytes):
            return self._results(self.embed(image_bytes))

        @tf.function(input_signature=[_image_bytes()])
        def search_each(image_bytes):
            embeddings, is_image = self.embed_each(image_bytes)
            found = self._results(embeddings)
            nothing = {"ids": "", "scores": 0.0, "is_match": False}
            results = {
                name: tf.where(is_image[:, None], found[name], nothing[name])
                for name in found
            }
            return {**results, "status": _status(is_image)}

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, self.index.dim], name="embedding")
            ]
        )
        def search_embedding(embedding):
            # As of `index.search`: squares are finite where scores will be.
            finite = tf.debugging.check_numerics(
                tf.reduce_sum(tf.square(embedding), axis=1),
                "embedding must be finite and shorter than 1e19",
            )
            with tf.control_dependencies([finite]):
                return self._results(tf.identity(embedding))

        return {
            **super().signatures(),
            "search": search,
            "search_each": search_each,
            "search_embedding": search_embedding,
        }

    def sample_requests(self) -> Requests:
        requests = super().sample_requests()
        embedding = {"embedding": self.index.embeddings[:1]}
        return requests | {
            "search": requests["embed"],
            "search_each": requests["embed"],
            "search_embedding": embedding,
        }

    def _results(self, embeddings: tf.Tensor) -> dict[str, tf.Tensor]:
        rows, scores = self.index.lookup(embeddings, self.k)
        results = {"ids": self.index.ids_of(rows), "scores": scores}
        if self.match_threshold is not None:
            results["is_match"] = scores >= self.match_threshold
        return results


def _image_bytes() -> tf.TensorSpec:
    return tf.TensorSpec([None], tf.string, name="image_bytes")


def _status(is_image: tf.Tensor) -> tf.Tensor:
    return tf.where(is_image, "OK", NO_IMAGE)


def _checked_threshold(match_threshold: SupportsFloat | None) -> float | None:
    if match_threshold is None:
        return None
    match_threshold = float(match_threshold)
    if not math.isfinite(match_threshold):
        raise ValueError(
            f"match_threshold must be finite; received {match_threshold}"
        )
    return match_threshold


def _rates(match_threshold: SupportsFloat | None) -> dict[str, Any]:
    """Returns what else an `evaluation.MatchThreshold` holds."""
    if not dataclasses.is_dataclass(match_threshold):
        return {}
    fields = dataclasses.asdict(match_threshold)  # pyright: ignore
    return {
        name: fields[name]
        for name in ("false_match_rate", "true_match_rate")
        if name in fields
    }


def _image_size(model: keras.Model) -> tuple[int, int]:
    size = getattr(model, "image_size", None) or model.input_shape[1:3]
    if None in size:
        raise ValueError(
            "model must take images of one size; received height and width "
            f"{tuple(size)}"
        )
    height, width = size
    return height, width
