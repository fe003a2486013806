"""What the variation that a model learned looks like around an image."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_dvml.reports.embedding_map import EmbeddingMap
from keras_dvml.reports.projection import normalize
from keras_dvml.reports.searches import (
    Search,
    SearchResult,
    query_html,
    results_html,
)


@dataclasses.dataclass(frozen=True)
class Variation:
    """An image's own neighbours beside those of its synthetic embeddings.

    Args:
        nearest: `Search`. The images nearest to the embedding of an image.
        synthetic: `Search`. The images nearest to draws of its variation,
            found most often first; a score is the share of the draws.
        num_draws: int >= 1. How often was drawn.

    Example:
    >>> from keras_dvml.reports import Search, SearchResult, Variation
    >>> found = [SearchResult(b"...", label="wren", score=0.25)]
    >>> search = Search(b"...", query_label="wren", results=found)
    >>> Variation(search, search, num_draws=64).synthetic.results[0].score
    0.25
    """

    nearest: Search
    synthetic: Search
    num_draws: int


def search_variation(
    images: EmbeddingMap, row: int, synthetic, *, num_results: int = 8
) -> Variation:
    """Finds real images that look as the variation of one image does.

    A synthetic embedding is `z_I + z_V`, the image's embedding and a draw of
    its variation. No decoder makes pixels of it, so the image nearest to it
    stands for it.

    Args:
        images: `EmbeddingMap`. The images to be found.
        row: int. The image around which was drawn.
        synthetic: `(T, D)` float array. Its synthetic embeddings, as
            `models.DVML.generate` draws them.
        num_results: int. Most images to be found.

    Returns:
        `Variation`. The image itself is never among the results.

    Raises:
        ValueError: When the draws have another width than the embeddings, or
            there is no other image.

    Example:
    >>> import numpy as np
    >>> from keras_dvml.reports import EmbeddingMap, search_variation
    >>> images = EmbeddingMap(np.eye(3), [0, 0, 1], ["a", "a", "b"], [b""] * 3)
    >>> draws = [[1.0, 0.2, 0.1], [1.0, 0.1, 0.3], [1.0, 0.4, 0.1]]
    >>> variation = search_variation(images, 0, draws)
    >>> [found.label for found in variation.synthetic.results]
    ['a', 'b']
    """
    synthetic = np.asarray(synthetic, np.float32)
    width = images.embeddings.shape[1]
    if synthetic.ndim != 2 or synthetic.shape[1] != width or not len(synthetic):
        raise ValueError(
            f"`synthetic` must have shape (T, {width}) with T of at least 1. "
            f"Received: shape {synthetic.shape}"
        )
    if len(images.embeddings) < 2:
        raise ValueError(
            "`images` must hold another image than the one drawn around. "
            "Received: one image"
        )
    gallery = normalize(images.embeddings)
    similarities = gallery @ gallery[row]
    similarities[row] = -np.inf
    nearest = np.argsort(-similarities, kind="stable")[:num_results]
    nearest = nearest[nearest != row]

    of_draws = normalize(synthetic) @ gallery.T
    of_draws[:, row] = -np.inf
    found, counts = np.unique(of_draws.argmax(axis=1), return_counts=True)
    most_often = np.argsort(-counts, kind="stable")[:num_results]
    shares = counts[most_often] / len(synthetic)
    return Variation(
        _search(images, row, nearest, similarities[nearest]),
        _search(images, row, found[most_often], shares),
        num_draws=len(synthetic),
    )


def variations_html(variations: Sequence[Variation]) -> str:
    """Returns one block of HTML per image."""
    return "\n".join(_variation_html(one) for one in variations)


def _search(images: EmbeddingMap, row: int, found, scores) -> Search:
    is_judged = images.noun == "class"
    results = [
        SearchResult(
            image=images.image_bytes[other],
            label=str(images.label_names[other]),
            score=float(score),
            is_hit=(
                bool(images.labels[other] == images.labels[row])
                if is_judged
                else None
            ),
        )
        for other, score in zip(found, scores, strict=True)
    ]
    return Search(
        images.image_bytes[row], str(images.label_names[row]), results
    )


def _variation_html(one: Variation) -> str:
    def spell(share):
        return f"{round(share * one.num_draws)} of {one.num_draws}"

    return (
        f'<div class="search">\n{query_html(one.nearest)}\n<div>\n'
        "<h3>Nearest to the image</h3>\n"
        f"{results_html(one.nearest.results)}\n"
        f"<h3>Nearest to {one.num_draws} draws around it</h3>\n"
        f"{results_html(one.synthetic.results, spell)}\n</div>\n</div>"
    )
