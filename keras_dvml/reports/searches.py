"""Searches shown as rows of pictures: a query, then what was found."""

import dataclasses
from collections.abc import Callable, Sequence
from html import escape

from keras_dvml.reports.page import section
from keras_dvml.reports.thumbnails import thumbnail_uri

_SIZE = 96
_HINT = (
    "The query comes first, then the images found, most similar first, each "
    "with its name and similarity."
)
_MARKS_HINT = " \u2713 right class, \u2717 other class."
_MARKS = {
    True: ("hit", "\u2713", "right class"),
    False: ("miss", "\u2717", "other class"),
}


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """One found image.

    Args:
        image: The encoded image (JPEG, PNG, GIF or BMP).
        label: What its class is called.
        score: Its similarity to the query.
        is_hit: Whether it is of the query's class; `None` where nobody knows.

    Example:
        >>> import keras_dvml as kd
        >>> kd.reports.SearchResult(b"...", label="wren", score=0.93).label
        'wren'
    """

    image: bytes
    label: str
    score: float
    is_hit: bool | None = None


@dataclasses.dataclass(frozen=True)
class Search:
    """A query and what was found, best first.

    Args:
        query_image: The encoded query image.
        query_label: What its class is called.
        results: Best first, at least one.

    Example:
        >>> import keras_dvml as kd
        >>> found = kd.reports.SearchResult(b"...", "wren", score=0.93)
        >>> search = kd.reports.Search(b"...", "wren", results=[found])
        >>> len(search.results)
        1
    """

    query_image: bytes
    query_label: str
    results: Sequence[SearchResult]

    def __post_init__(self) -> None:
        if not self.results:
            raise ValueError(
                "results must hold at least one SearchResult; received none "
                f"for the query {self.query_label!r}"
            )

    @property
    def is_marked(self) -> bool:
        """Whether any result is marked as right or wrong."""
        return any(result.is_hit is not None for result in self.results)


def searches_section(searches: Sequence[Search]) -> str:
    """Returns one block of HTML per search."""
    hint = _HINT
    if any(search.is_marked for search in searches):
        hint += _MARKS_HINT
    blocks = "\n".join(map(_search_html, searches))
    return section("Searches", hint, blocks, "searches")


def results_html(
    results: Sequence[SearchResult],
    spell: Callable[[float], str] = "{:.3f}".format,
) -> str:
    """Returns found images as a row.

    Args:
        results: Best first, at least one.
        spell: Makes text of a result's score.
    """
    columns = min(max(len(results), 8), 10)
    items = "\n".join(
        _result_html(result, spell(result.score)) for result in results
    )
    return f'<ol class="results" style="--columns: {columns}">\n{items}\n</ol>'


def query_html(search: Search, facts: str = "") -> str:
    """Returns the picture of the query with its name and facts about it."""
    label = escape(str(search.query_label))
    alt = f"Query: {label}"
    figure = _captioned(search.query_image, alt, label, facts)
    return f'<figure class="query">{figure}'


def _search_html(search: Search) -> str:
    facts = ""
    if search.is_marked:
        hits = sum(bool(result.is_hit) for result in search.results)
        facts = f"{hits} of {len(search.results)} right"
    return (
        f'<div class="search">\n{query_html(search, facts)}\n'
        f"{results_html(search.results)}\n</div>"
    )


def _result_html(result: SearchResult, score: str) -> str:
    label = text = escape(str(result.label))
    kind = mark = ""
    if result.is_hit is not None:
        kind, sign, word = _MARKS[bool(result.is_hit)]
        mark = f'<span class="sign" title="{word}">{sign}</span>'
        text = f"{label}, {word}"
    figure = _captioned(result.image, text, label, score, mark)
    return f'<li class="{kind}"><figure>{figure}</li>'


def _captioned(
    image: bytes, alt: str, label: str, score: str, mark: str = ""
) -> str:
    """Returns what a figure holds, and its end; `alt` and `label` escaped."""
    facts = f'<span class="score">{escape(score)}</span>' if score else ""
    return (
        f'<img src="{thumbnail_uri(image, _SIZE)}" alt="{alt}">{mark}'
        f'<figcaption><span class="name" title="{label}">{label}</span>'
        f"{facts}</figcaption></figure>"
    )
