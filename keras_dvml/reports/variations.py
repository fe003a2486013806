"""What the variation that a model learned looks like around an image."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from keras_dvml.embeddings import unit_length
from keras_dvml.reports.embedding_map import EmbeddingMap
from keras_dvml.reports.page import section
from keras_dvml.reports.searches import (
    Search,
    SearchResult,
    query_html,
    results_html,
)

_HINT = (
    "Around an image the model drew synthetic embeddings: the image's own "
    "and a draw of the variation it learned. The images that lie nearest to "
    "the draws show what the model takes for variation."
)


@dataclasses.dataclass(frozen=True)
class Variation:
    """An image's own neighbours beside those of its synthetic embeddings.

    Args:
        nearest: The images nearest to the embedding of an image.
        synthetic: The images nearest to draws of its variation, found most
            often first; a score is the share of the draws.
        num_draws: At least 1. Number of draws.

    Example:
        >>> import keras_dvml as kd
        >>> found = [kd.reports.SearchResult(b"...", "wren", score=0.25)]
        >>> search = kd.reports.Search(b"...", "wren", results=found)
        >>> variation = kd.reports.Variation(search, search, num_draws=64)
        >>> variation.synthetic.results[0].score
        0.25
    """

    nearest: Search
    synthetic: Search
    num_draws: int


def search_variation(
    images: EmbeddingMap,
    row: int,
    synthetic: ArrayLike,
    *,
    num_results: int = 8,
) -> Variation:
    """Finds real images that look as the variation of one image does.

    A synthetic embedding is `z_I + z_V`, the image's embedding and a draw of
    its variation. No decoder makes pixels of it, so the image nearest to it
    represents it.

    Args:
        images: The images to be found.
        row: The image around which was drawn.
        synthetic: `(T, D)` floats. Its synthetic embeddings, as
            `models.DVML.generate` draws them.
        num_results: Most images to be found.

    Returns:
        What was found; the image itself is never among the results.

    Raises:
        ValueError: When the draws have another width than the embeddings, or
            there is no other image.

    Example:
        >>> import numpy as np
        >>> import keras_dvml as kd
        >>> images = kd.reports.EmbeddingMap(
        ...     np.eye(3), [0, 0, 1], ["a", "a", "b"], [b""] * 3
        ... )
        >>> draws = [[1.0, 0.2, 0.1], [1.0, 0.1, 0.3], [1.0, 0.4, 0.1]]
        >>> variation = kd.reports.search_variation(images, 0, draws)
        >>> [found.label for found in variation.synthetic.results]
        ['a', 'b']
    """
    draws = np.asarray(synthetic, np.float32)
    width = images.embeddings.shape[1]
    if draws.ndim != 2 or draws.shape[1] != width or not len(draws):
        raise ValueError(
            f"synthetic must have shape (T, {width}) with T of at least 1; "
            f"received shape {draws.shape}"
        )
    if len(images.embeddings) < 2:
        raise ValueError(
            "images must hold another image than the one drawn around; "
            "received one image"
        )
    gallery = unit_length(images.embeddings)
    similarities = gallery @ gallery[row]
    similarities[row] = -np.inf
    nearest = np.argsort(-similarities, kind="stable")[:num_results]
    nearest = nearest[nearest != row]

    of_draws = unit_length(draws) @ gallery.T
    of_draws[:, row] = -np.inf
    found, counts = np.unique(of_draws.argmax(axis=1), return_counts=True)
    most_often = np.argsort(-counts, kind="stable")[:num_results]
    shares = counts[most_often] / len(draws)
    return Variation(
        _search(images, row, nearest, similarities[nearest]),
        _search(images, row, found[most_often], shares),
        num_draws=len(draws),
    )


def variations_section(variations: Sequence[Variation]) -> str:
    """Returns one block of HTML per image."""
    blocks = "\n".join(map(_variation_html, variations))
    return section("Variation around an image", _HINT, blocks, "searches")


def _search(
    images: EmbeddingMap, row: int, found: np.ndarray, scores: np.ndarray
) -> Search:
    # Nobody calls a cluster right or wrong.
    hits = [None] * len(found)
    if images.noun == "class":
        hits = (images.labels[found] == images.labels[row]).tolist()
    results = [
        SearchResult(
            images.image_bytes[other],
            str(images.label_names[other]),
            float(score),
            is_hit,
        )
        for other, score, is_hit in zip(found, scores, hits, strict=True)
    ]
    return Search(
        images.image_bytes[row], str(images.label_names[row]), results
    )


def _variation_html(variation: Variation) -> str:
    num_draws = variation.num_draws

    def spell(share: float) -> str:
        return f"{round(share * num_draws)} of {num_draws}"

    return (
        f'<div class="search">\n{query_html(variation.nearest)}\n<div>\n'
        "<h3>Nearest to the image</h3>\n"
        f"{results_html(variation.nearest.results)}\n"
        f"<h3>Nearest to {num_draws} draws around it</h3>\n"
        f"{results_html(variation.synthetic.results, spell)}\n</div>\n</div>"
    )
