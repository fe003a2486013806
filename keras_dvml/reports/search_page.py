"""Searches as a page of their own."""

import os
from collections.abc import Sequence
from html import escape

from keras_dvml.reports.page import read_template
from keras_dvml.reports.searches import Search, searches_section
from keras_dvml.whole_files import whole_file

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
<body>
<main>
<h1>{title}</h1>
{searches}
</main>
</body>
</html>
"""


def write_searches(
    path: str | os.PathLike, searches: Sequence[Search], title: str = "Searches"
) -> None:
    """Writes searches as one HTML file without outside addresses.

    Args:
        path: Path of the HTML file; its folder is made when missing.
        searches: Each shown as a row of pictures.
        title: The title.

    Example:
        >>> import os, tempfile
        >>> import tensorflow as tf
        >>> import keras_dvml as kd
        >>> image = tf.io.encode_png(tf.zeros((8, 8, 3), tf.uint8)).numpy()
        >>> found = kd.reports.SearchResult(image, "wren", score=0.93)
        >>> search = kd.reports.Search(image, "query", results=[found])
        >>> path = os.path.join(tempfile.mkdtemp(), "page.html")
        >>> kd.reports.write_searches(path, [search])
        >>> "wren" in open(path, encoding="utf-8").read()
        True
    """
    page = _PAGE.format(
        title=escape(title),
        style=read_template("report.css"),
        searches=searches_section(searches),
    )
    with whole_file(path) as file:
        file.write(page.encode("utf-8", errors="backslashreplace"))
