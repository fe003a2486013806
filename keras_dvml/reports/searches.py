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


def _search_html(search: Search) -> str:
    right = ""
    if are_marked([search]):
        hits = sum(bool(result.is_hit) for result in search.results)
        right = (
            f'<span class="score">{hits} of {len(search.results)} right</span>'
        )
    label = escape(str(search.query_label))
    columns = min(max(len(search.results), 8), 10)
    results = "\n".join(_result_html(result) for result in search.results)
    return (
        '<div class="search">\n'
        '<figure class="query">'
        f"{_picture_html(search.query_image, f'Query: {label}')}"
        f'<figcaption><span class="name" title="{label}">{label}</span>'
        f"{right}</figcaption></figure>\n"
        f'<ol class="results" style="--columns: {columns}">\n{results}\n'
        "</ol>\n</div>"
    )


_MARKS = {
    True: ("hit", "\u2713", "right class"),
    False: ("miss", "\u2717", "other class"),
}


def _result_html(result: SearchResult) -> str:
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
        f'<span class="score">{result.score:.3f}</span>'
        "</figcaption></figure></li>"
    )


def _picture_html(image_bytes: bytes, escaped_text: str) -> str:
    uri = thumbnail_uri(image_bytes, _SIZE)
    return f'<img src="{uri}" alt="{escaped_text}">'
