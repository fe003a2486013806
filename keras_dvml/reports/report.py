"""One self-contained HTML file that shows how well a model retrieves."""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path

from keras_dvml.reports.clusters import ClusterRound, clusters_html
from keras_dvml.reports.curves import Histories, curves_data, curves_html
from keras_dvml.reports.embedding_map import EmbeddingMap, map_data
from keras_dvml.reports.searches import Search, are_marked, searches_html
from keras_dvml.reports.tables import (
    Scores,
    notes_html,
    quarantined_html,
    scores_html,
    summary,
)

_NUM_COLORS = 8


def write_report(
    path: str | os.PathLike,
    *,
    title: str,
    scores: Scores,
    histories: Histories,
    scores_title: str = "Scores on unseen classes",
    clusterings: Sequence[ClusterRound] = (),
    embedding_map: EmbeddingMap | None = None,
    searches: Sequence[Search] = (),
    notes: Mapping[str, str] | None = None,
    quarantined: Sequence[tuple[str, str]] = (),
) -> Path:
    """Writes the report of a run as one HTML file without outside addresses.

    The file is written beside its place and moved there when complete: a
    reader never sees half a report. Of a large map about 1,500 images are
    shown, whole classes of them.

    Args:
        path: path of the HTML file; its folder is made when missing.
        title: str. The headline.
        scores: row name -> score name -> value in 0..1. The first row is
            what the others are compared with.
        scores_title: str. What the scores are of.
        clusterings: `ClusterRound` objects, in the order they were made.
        histories: row name -> Keras history: term -> value per epoch, NaN
            or `None` where nothing was measured. May be empty.
        embedding_map: `EmbeddingMap` or `None` for no map.
        searches: `Search` objects, each shown as a row of pictures.
        notes: term -> text, listed at the end.
        quarantined: (path, reason) of each file that was not used.

    Returns:
        The path of the file written.

    Raises:
        ValueError: When `scores` is empty or holds a value outside 0..1.

    Example:
    >>> import os, tempfile
    >>> from keras_dvml.reports import write_report
    >>> path = write_report(
    ...     os.path.join(tempfile.mkdtemp(), "report.html"),
    ...     title="Birds",
    ...     scores={"untrained": {"recall@1": 0.2}, "dvml": {"recall@1": 0.6}},
    ...     histories={"dvml": {"loss": [0.9, 0.4]}},
    ... )
    >>> "40.0 percentage points" in path.read_text(encoding="utf-8")
    True
    """
    _check_scores(scores)
    rows = list(dict.fromkeys([*scores, *histories]))
    # Colour 0 is grey, for the row that others are compared with.
    colors = {
        row: (i + (len(rows) == 1)) % _NUM_COLORS for i, row in enumerate(rows)
    }
    drawn = map_data(embedding_map) if embedding_map is not None else None
    # The thumbnails go into the page as a picture, not as data.
    data = drawn and {key: drawn[key] for key in drawn if key != "sheet"}
    curves = curves_html(histories, colors)
    page = _fill(
        _read("report.html"),
        title=escape(title),
        summary=escape(summary(scores)),
        style=_read("report.css"),
        script=_read("report.js"),
        scores_title=escape(scores_title),
        scores=scores_html(scores, colors),
        curves=_section("Training", _CURVES_HINT, curves, "curves"),
        clusters=_section(
            "Clusters", _CLUSTERS_HINT, clusters_html(clusterings), "clusters"
        ),
        map=_map_section(drawn),
        searches=_section(
            "Searches",
            _SEARCHES_HINT + (_SIGNS_HINT if are_marked(searches) else ""),
            searches_html(searches),
            "searches",
        ),
        quarantined=_section(
            "Files left out",
            "",
            quarantined_html(quarantined) if quarantined else "",
        ),
        notes=_section("Notes", "", notes_html(notes) if notes else ""),
        data=_json({"curves": curves_data(histories), "map": data}),
    )
    return _write_atomically(Path(path), page)


_CURVES_HINT = (
    "One panel per score or loss term, one line per row of the table. "
    "Point at a curve to read the values of that epoch below it."
)
_CLUSTERS_HINT = (
    "A row is a cluster: the images nearest to its centre, the nearest first. "
    "Nobody named them. In the rounds of training a cluster keeps its number."
)
_SEARCHES_HINT = (
    "The query stands first, then the images found, most similar first, each "
    "with its name and similarity."
)
_SIGNS_HINT = " \u2713 right class, \u2717 other class."
_MAP_HINT = (
    "Images that embed alike lie close together, colours tell {groups} apart. "
    "Point at a dot to see its picture and its {noun}, click it to see the "
    "images nearest to it in the full embedding."
)
_UNSEEN_HINT = (
    "Each dot is an image of a class the model never saw in training. "
)


def _check_scores(scores: Scores) -> None:
    if not scores or not any(scores.values()):
        raise ValueError(
            "`scores` must hold at least one row with one score. "
            f"Received: {scores!r}"
        )
    for row, row_scores in scores.items():
        for name, value in row_scores.items():
            if not (math.isfinite(value) and -1e-6 <= value <= 1 + 1e-6):
                raise ValueError(
                    f"`scores[{row!r}][{name!r}]` must lie in 0..1. "
                    f"Received: {value!r}"
                )


def _section(title: str, hint: str, content: str, kind: str = "") -> str:
    if not content:
        return ""
    return (
        f"<section>\n<h2>{title}</h2>\n"
        + (f'<p class="hint">{hint}</p>\n' if hint else "")
        + f'<div class="{kind}">\n{content}\n</div>\n</section>'
    )


def _map_section(drawn: dict | None) -> str:
    if drawn is None:
        return ""
    shown, given = drawn["num_images"], drawn["num_images_given"]
    noun, groups = drawn["noun"], drawn["groups"]
    hint = _UNSEEN_HINT if noun == "class" else "Each dot is an image. "
    hint += _MAP_HINT.format(noun=noun, groups=groups)
    if shown < given:
        hint += (
            f" Shown: {shown:,} of {given:,} images, "
            f"{drawn['num_classes']:,} of {drawn['num_classes_given']:,} "
            f"{groups}; nearest images are sought among those."
        )
    options = "".join(
        f'<option value="{i}">{escape(name)}</option>'
        for name, i in sorted(
            ((name, i) for i, name in enumerate(drawn["names"])),
            key=lambda pair: _natural(pair[0]),
        )
    )
    return _section(
        "Embedding map",
        hint,
        _fill(
            _read("map.html"),
            options=options,
            sheet=drawn["sheet"],
            label=noun.capitalize(),
        ),
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """Returns a key that sorts 9 before 10."""
    parts = re.split(r"(\d+)", name)
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in parts
    ]


def _read(name: str) -> str:
    return (
        resources.files("keras_dvml.reports")
        .joinpath(name)
        .read_text(encoding="utf-8")
    )


def _fill(template: str, **parts: str) -> str:
    # One pass: braces inside a part are text, not a place to fill.
    return re.sub(
        r"\{\{ (\w+) \}\}", lambda match: parts[match.group(1)], template
    )


def _json(data: dict) -> str:
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    # Inside <script> only these could end the element or open a comment.
    return (
        text.replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    )


def _write_atomically(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        # File names may hold what is not UTF-8: shown, not fatal.
        with unfinished.open(
            "w", encoding="utf-8", errors="backslashreplace", newline="\n"
        ) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
