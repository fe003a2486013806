"""One self-contained HTML file that shows how well a model retrieves."""

import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from keras_dvml.reports.clusters import ClusterRound, clusters_section
from keras_dvml.reports.curves import Histories, curves_data, curves_section
from keras_dvml.reports.embedding_map import EmbeddingMap
from keras_dvml.reports.map_data import map_data
from keras_dvml.reports.map_sections import central_section, map_section
from keras_dvml.reports.mistakes import mistakes_sections
from keras_dvml.reports.page import fill, read_template, script_json
from keras_dvml.reports.searches import Search, searches_section
from keras_dvml.reports.tables import (
    Intervals,
    Scores,
    notes_section,
    quarantined_section,
    scores_html,
    summary,
)
from keras_dvml.reports.variations import Variation, variations_section
from keras_dvml.whole_files import is_uri, whole_file

_NUM_COLORS = 8


def write_report(
    path: str | os.PathLike,
    *,
    title: str,
    scores: Scores,
    histories: Histories,
    intervals: Intervals | None = None,
    scores_title: str = "Scores on unseen classes",
    published: str | None = None,
    headline: str | None = None,
    clusterings: Sequence[ClusterRound] = (),
    embedding_map: EmbeddingMap | None = None,
    searches: Sequence[Search] = (),
    variations: Sequence[Variation] = (),
    notes: Mapping[str, str] | None = None,
    quarantined: Sequence[tuple[str, str]] = (),
) -> Path | str:
    """Writes the report of a run as one HTML file without outside addresses.

    The file is written beside its place and moved there when complete: a
    reader never sees half a report. Of a large map about 5,000 images are
    shown, whole classes of them.

    Args:
        path: Path of the HTML file; its folder is made when missing. A URI
            that TensorFlow can write to, such as `gs://`, too.
        title: The title.
        scores: Row name -> score name -> value in 0..1.
        intervals: Row name -> score name -> (low, high) in 0..1, as from
            `evaluation.bootstrap_intervals`; `None` for none.
        scores_title: What the scores are of.
        published: Row that the headline is about, set in bold; `None` for a
            headline about the best row.
        headline: What stands in place of that sentence, if anything.
        clusterings: In the order they were made.
        histories: Row name -> Keras history: term -> value per epoch, NaN
            or `None` where nothing was measured. May be empty.
        embedding_map: Embedded images; `None` for no map. Of classes the
            hardest and the most confused ones are shown too.
        searches: Each shown as a row of pictures.
        variations: Each shown as two rows of pictures. With them the map is
            drawn again in the central latent space, each embedding less the
            centre of its class.
        notes: Term -> text, listed at the end.
        quarantined: (path, reason) of each file that was not used.

    Returns:
        The path of the file written; a URI as it was given.

    Raises:
        ValueError: When `scores` is empty or holds a value outside 0..1, or
            an interval is of no score or not in order within 0..1.

    Example:
        >>> import os, tempfile
        >>> import keras_dvml as kd
        >>> scores = {"untrained": {"recall@1": 0.2}, "dvml": {"recall@1": 0.6}}
        >>> path = kd.reports.write_report(
        ...     os.path.join(tempfile.mkdtemp(), "report.html"),
        ...     title="Birds",
        ...     scores=scores,
        ...     histories={"dvml": {"loss": [0.9, 0.4]}},
        ... )
        >>> path.name
        'report.html'
    """
    _check_scores(scores)
    intervals = intervals or {}
    _check_intervals(intervals, scores)
    if published is not None and published not in scores:
        raise ValueError(
            f"published must be one of {', '.join(scores)}; received "
            f"{published!r}"
        )
    rows = list(dict.fromkeys([*scores, *histories]))
    # Colour 0 is grey, for the first row, which promises least.
    colors = {
        row: (i + (len(rows) == 1)) % _NUM_COLORS for i, row in enumerate(rows)
    }
    central = len(variations) > 0
    drawn = embedding_map and map_data(embedding_map, central=central)
    # The thumbnails go into the page as a picture, not as data.
    data = drawn and {key: drawn[key] for key in drawn if key != "sheet"}
    page = fill(
        read_template("report.html"),
        title=escape(title),
        summary=escape(headline or summary(scores, intervals, published)),
        style=read_template("report.css"),
        script=read_template("report.js"),
        scores_title=escape(scores_title),
        scores=scores_html(scores, intervals, colors, published),
        curves=curves_section(histories, colors),
        clusters=clusters_section(clusterings),
        map=map_section(drawn),
        variation=central_section(drawn) + variations_section(variations),
        searches=searches_section(searches),
        mistakes=mistakes_sections(embedding_map),
        quarantined=quarantined_section(quarantined),
        notes=notes_section(notes or {}),
        data=script_json({"curves": curves_data(histories), "map": data}),
    )
    with whole_file(path) as file:
        # File names may hold what is not UTF-8: shown, not fatal.
        file.write(page.encode("utf-8", errors="backslashreplace"))
    return os.fspath(path) if is_uri(path) else Path(path)


def _check_scores(scores: Scores) -> None:
    if not any(scores.values()):
        raise ValueError(
            "scores must hold at least one row with one score; received "
            f"{scores!r}"
        )
    for row, row_scores in scores.items():
        for name, value in row_scores.items():
            if not _least(name) <= value <= 1 + 1e-6:
                raise ValueError(
                    f"scores[{row!r}][{name!r}] must lie in 0..1; received "
                    f"{value!r}"
                )


def _check_intervals(intervals: Intervals, scores: Scores) -> None:
    for row, row_intervals in intervals.items():
        for name, (low, high) in row_intervals.items():
            where = f"intervals[{row!r}][{name!r}]"
            if name not in scores.get(row, {}):
                raise ValueError(
                    f"{where} must be of one of the scores; received scores "
                    f"of {', '.join(scores)}, without it"
                )
            if not _least(name) <= low <= high <= 1 + 1e-6:
                raise ValueError(
                    f"{where} must be (low, high) within 0..1; received "
                    f"{(low, high)}"
                )


def _least(name: str) -> float:
    # AMI alone is below 0 where clusters agree less than by chance.
    return -1.0 if name == "ami" else -1e-6
