"""Which classes a model finds worst, and which it confuses."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_dvml.embeddings import unit_length
from keras_dvml.evaluation import nearest_neighbors, positive_ranks
from keras_dvml.reports.embedding_map import EmbeddingMap, numbered_classes
from keras_dvml.reports.page import gallery_figure, section

_NUM_CARDS = 9
_NUM_EXAMPLES = 6
_HARDEST_HINT = (
    "The classes whose images least often find one of their own first. Above, "
    "images that searched; below each, what it found first instead."
)
_CONFUSED_HINT = (
    "Classes whose images are found first for each other most often, either "
    "way. Above, images that searched; below each, what it found."
)


class FirstResults(NamedTuple):
    """What each image finds first among all the others.

    Images without another one of their class have nothing to find, and are no
    queries.

    Attributes:
        queries: `(Q,)` ints. Rows of the images that search.
        classes: `(Q,)` ints. Their classes, numbered in the labels' order.
        found: `(Q,)` ints. Row of the image that each finds first.
        found_classes: `(Q,)` ints. Its class.
        is_right: `(Q,)` bools. Whether it is of the query's class.
        average_precision: `(Q,)` floats. What MAP@R is the mean of.
        names: What each class is called.
    """

    queries: np.ndarray
    classes: np.ndarray
    found: np.ndarray
    found_classes: np.ndarray
    is_right: np.ndarray
    average_precision: np.ndarray
    names: list[str]


class Mistakes(NamedTuple):
    """Searches that went wrong for one reason.

    Attributes:
        title: A class, or two.
        facts: How many there are.
        rows: `(M, 2)` ints. Row of a query and of what it found first.
    """

    title: str
    facts: str
    rows: np.ndarray


def mistakes_sections(images: EmbeddingMap | None) -> str:
    """Returns the hardest classes and the most confused pairs of them."""
    if images is None or images.noun != "class":
        return ""
    results = first_results(images)
    if results is None:
        return ""
    hint = f"{_HARDEST_HINT} {spread_of_classes(results)}"
    hardest = _galleries(hardest_classes(results), images.image_bytes)
    confused = _galleries(confused_pairs(results), images.image_bytes)
    return section("Hardest classes", hint, hardest, "galleries") + section(
        "Most confused classes", _CONFUSED_HINT, confused, "galleries"
    )


def first_results(images: EmbeddingMap) -> FirstResults | None:
    """Searches with each image; `None` where none has anything to find."""
    classes, names = numbered_classes(images)
    if len(names) == len(classes):
        return None
    directions = unit_length(images.embeddings)
    ranks = positive_ranks(directions, classes, progress=False)
    found = nearest_neighbors(directions, 1)[0][ranks.queries, 0]
    return FirstResults(
        queries=ranks.queries,
        classes=ranks.classes,
        found=found,
        found_classes=classes[found],
        is_right=ranks.best == 1,
        average_precision=ranks.average_precision,
        names=names,
    )


def hardest_classes(results: FirstResults) -> list[Mistakes]:
    """Returns the classes whose images find their class least often."""
    recalls, precisions = _by_class(results)
    hardest = []
    # NaN, of classes without a query, comes last.
    for number in np.lexsort((precisions, recalls))[:_NUM_CARDS]:
        if not recalls[number] < 1:
            break
        searches = np.flatnonzero(results.classes == number)
        facts = (
            f"{results.is_right[searches].sum()} of {len(searches)} right, "
            f"MAP@R {precisions[number]:.1%}"
        )
        wrong = searches[_is_confusion(results)[searches]]
        hardest.append(_mistakes(results, results.names[number], facts, wrong))
    return hardest


def confused_pairs(results: FirstResults) -> list[Mistakes]:
    """Returns pairs of classes that are found for each other most often."""
    wrong = np.flatnonzero(_is_confusion(results))
    pairs = np.stack([results.classes[wrong], results.found_classes[wrong]])
    pairs.sort(axis=0)
    # One number a pair: of the lower class, then of the higher one.
    keys = pairs[0] * len(results.names) + pairs[1]
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    confused = []
    for kind in np.argsort(-counts, kind="stable")[:_NUM_CARDS]:
        pair = pairs[:, first[kind]]
        title = " \u2194 ".join(results.names[number] for number in pair)
        num_searches = np.isin(results.classes, pair).sum()
        facts = f"{counts[kind]} of {num_searches} searches"
        positions = wrong[keys == keys[first[kind]]]
        confused.append(_mistakes(results, title, facts, positions))
    return confused


def spread_of_classes(results: FirstResults) -> str:
    """Returns a sentence on how unlike the classes are."""
    recalls, _ = _by_class(results)
    low, middle, high = np.nanquantile(recalls, [0.1, 0.5, 0.9])
    return (
        f"Recall@1 of the middle class is {middle:.0%}; a tenth of the "
        f"classes is at {low:.0%} or below, a tenth at {high:.0%} or above."
    )


def _by_class(results: FirstResults) -> tuple[np.ndarray, np.ndarray]:
    """Returns Recall@1 and MAP@R of each class, NaN where it has no query."""
    num_classes = len(results.names)
    sizes = np.bincount(results.classes, minlength=num_classes)
    with np.errstate(invalid="ignore"):
        recalls, precisions = (
            np.bincount(results.classes, values, num_classes) / sizes
            for values in (results.is_right, results.average_precision)
        )
    return recalls, precisions


def _is_confusion(results: FirstResults) -> np.ndarray:
    # Where two are equally near, one of them right, the search counts as
    # wrong and yet may have found the right one.
    return ~results.is_right & (results.found_classes != results.classes)


def _mistakes(
    results: FirstResults, title: str, facts: str, positions: np.ndarray
) -> Mistakes:
    """Gathers some of the searches at these positions, spread evenly."""
    if len(positions) > _NUM_EXAMPLES:
        evenly = np.linspace(0, len(positions) - 1, _NUM_EXAMPLES)
        positions = positions[evenly.astype(int)]
    rows = np.stack([results.queries[positions], results.found[positions]], 1)
    return Mistakes(title, facts, rows)


def _galleries(
    mistakes: Sequence[Mistakes], image_bytes: Sequence[bytes]
) -> str:
    """Returns a figure each: what searched above what it found."""
    figures = []
    for title, facts, rows in mistakes:
        pictures = [[image_bytes[row] for row in column] for column in rows.T]
        alt = f"{len(rows)} searches that went wrong: {title}"
        figure = gallery_figure(
            pictures, _NUM_EXAMPLES, alt=alt, name=title, facts=facts
        )
        figures.append(figure)
    return "\n".join(figures)
