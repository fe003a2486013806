"""What a SavedModel answers: image bytes in, embeddings or ids out."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, SupportsFloat

import tensorflow as tf

from keras_dvml import keras_versions
from keras_dvml.index import Index
from keras_dvml.serving.image_embedder import (
    ImageEmbedder,
    image_bytes_spec,
    traced,
)

#: The status of bytes that are none.
NO_IMAGE = (
    "INVALID_ARGUMENT: not an image that can be decoded, or of more than 64 "
    "megapixels"
)

Requests = dict[str, dict[str, Any]]


class EmbedModule(tf.Module):
    """Answers with the embeddings of image files.

    Args:
        embedder: What embeds. Modules may share one.
    """

    def __init__(self, embedder: ImageEmbedder) -> None:
        super().__init__()
        self.embedder = embedder
        # The graph captures these; a SavedModel must own what it captures.
        self._variables = keras_versions.tf_variables(embedder.model.variables)

    def signatures(self) -> dict[str, Callable]:
        """Returns the signatures of the module, traced, by name."""
        image_bytes = image_bytes_spec()

        def embed(image_bytes):
            return {"embedding": self.embedder.embed(image_bytes)}

        def embed_each(image_bytes):
            embeddings, is_image = self.embedder.embed_each(image_bytes)
            return {"embedding": embeddings, "status": _status(is_image)}

        embed = traced(embed, image_bytes)
        return {
            "serving_default": embed,
            "embed": embed,
            "embed_each": traced(embed_each, image_bytes),
        }

    def sample_requests(self) -> Requests:
        """Returns an input of each signature, by name."""
        size = self.embedder.image_size
        pixels = tf.fill((*size, 3), tf.constant(128, tf.uint8))
        image_bytes = {"image_bytes": tf.io.encode_png(pixels)[None]}
        names = ("serving_default", "embed", "embed_each")
        return dict.fromkeys(names, image_bytes)


class SearchModule(EmbedModule):
    """Embeds image files and finds the nearest gallery items.

    Args:
        embedder: As for `EmbedModule`.
        index: The gallery, unchanged since it was built.
        k: Number of results of a search.
        match_threshold: Least score of a result that counts as a match;
            without one, results have no `is_match`.
    """

    def __init__(
        self,
        embedder: ImageEmbedder,
        index: Index,
        k: int,
        match_threshold: SupportsFloat | None = None,
    ) -> None:
        super().__init__(embedder)
        index.check_k(k)
        self.index = index
        self.k = k
        self.match_threshold = _checked_threshold(match_threshold)
        self.match_rates = _rates(match_threshold)

    def signatures(self) -> dict[str, Callable]:
        image_bytes = image_bytes_spec()
        embedding = tf.TensorSpec([None, self.index.dim], name="embedding")

        def search(image_bytes):
            return self._results(self.embedder.embed(image_bytes))

        def search_each(image_bytes):
            embeddings, is_image = self.embedder.embed_each(image_bytes)
            found = self._results(embeddings)
            nothing = {"ids": "", "scores": 0.0, "is_match": False}
            results = {
                name: tf.where(is_image[:, None], found[name], nothing[name])
                for name in found
            }
            return {**results, "status": _status(is_image)}

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
            "search": traced(search, image_bytes),
            "search_each": traced(search_each, image_bytes),
            "search_embedding": traced(search_embedding, embedding),
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
