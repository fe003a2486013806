"""Searches shown as rows of pictures: a query, then what was found."""

import dataclasses
from collections.abc import Sequence
from html import escape

from keras_dvml.reports.thumbnails import thumbnail_uri

_SIZE = 96


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """One found image.

    Args:
        image: bytes. The encoded image (JPEG, PNG, GIF or BMP).
        label: str. What its class is called.
        score: float. Its similarity to the query.
        is_hit: bool or `None`. Whether it is of the query's class; `None`
            where nobody knows.

    Example:
    >>> from keras_dvml.reports import SearchResult
    >>> SearchResult(image=b"...", label="wren", score=0.93, is_hit=True).label
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
        query_image: bytes. The encoded query image.
        query_label: str. What its class is called.
        results: sequence of `SearchResult`, best first, at least one.

    Example:
    >>> from keras_dvml.reports import Search, SearchResult
    >>> found = SearchResult(b"...", label="wren", score=0.93, is_hit=True)
    >>> len(Search(b"...", query_label="wren", results=[found]).results)
    1
    """

    query_image: bytes
    query_label: str
    results: Sequence[SearchResult]

    def __post_init__(self):
        if not self.results:
            raise ValueError(
                "`results` must hold at least one SearchResult. "
                f"Received: none, for the query {self.query_label!r}"
            )


def searches_html(searches: Sequence[Search]) -> str:
    """Returns one block of HTML per search."""
    return "\n".join(_search_html(search) for search in searches)


def are_marked(searches: Sequence[Search]) -> bool:
    """Says whether any result is marked as right or wrong."""
    return any(
        result.is_hit is not None
        for search in searches
        for result in search.results
    )


def results_html(results: Sequence[SearchResult], spell=None) -> str:
    """Returns found images as a row.

    Args:
        results: best first, at least one.
        spell: function from a result's score to text; `None` for its value.
    """
    spell = spell or "{:.3f}".format
    columns = min(max(len(results), 8), 10)
    items = "\n".join(
        _result_html(result, spell(result.score)) for result in results
    )
    return f'<ol class="results" style="--columns: {columns}">\n{items}\n</ol>'


def query_html(search: Search, facts: str = "") -> str:
    """Returns the picture of the query with its name and facts about it."""
    label = escape(str(search.query_label))
    score = f'<span class="score">{escape(facts)}</span>' if facts else ""
    return (
        '<figure class="query">'
        f"{_picture_html(search.query_image, f'Query: {label}')}"
        f'<figcaption><span class="name" title="{label}">{label}</span>'
        f"{score}</figcaption></figure>"
    )


def _search_html(search: Search) -> str:
    facts = ""
    if are_marked([search]):
        hits = sum(bool(result.is_hit) for result in search.results)
        facts = f"{hits} of {len(search.results)} right"
    return (
        f'<div class="search">\n{query_html(search, facts)}\n'
        f"{results_html(search.results)}\n</div>"
    )


_MARKS = {
    True: ("hit", "\u2713", "right class"),
    False: ("miss", "\u2717", "other class"),
}


def _result_html(result: SearchResult, score: str) -> str:
    label = text = escape(str(result.label))
    kind = mark = ""
    if result.is_hit is not None:
        kind, sign, word = _MARKS[bool(result.is_hit)]
        mark = f'<span class="sign" title="{word}">{sign}</span>'
        text = f"{label}, {word}"
    return (
        f'<li class="{kind}"><figure>'
        f"{_picture_html(result.image, text)}{mark}"
        f'<figcaption><span class="name" title="{label}">{label}</span>'
        f'<span class="score">{escape(score)}</span>'
        "</figcaption></figure></li>"
    )


def _picture_html(image_bytes: bytes, escaped_text: str) -> str:
    uri = thumbnail_uri(image_bytes, _SIZE)
    return f'<img src="{uri}" alt="{escaped_text}">'
