"""What the page is made of: templates, sections, figures, data."""

import json
import re
from collections.abc import Sequence
from html import escape
from importlib import resources

from keras_dvml.reports.thumbnails import grid_uri


def read_template(name: str) -> str:
    """Returns a file that lies beside this one."""
    path = resources.files("keras_dvml.reports").joinpath(name)
    return path.read_text(encoding="utf-8")


def fill(template: str, **parts: str) -> str:
    """Writes each part where the template has `{{ name }}`."""
    # One pass: braces inside a part are text, not a place to fill.
    return re.sub(
        r"\{\{ (\w+) \}\}", lambda match: parts[match.group(1)], template
    )


def section(title: str, hint: str, content: str, kind: str = "") -> str:
    """Returns a section of the page, nothing where there is no content."""
    if not content:
        return ""
    return (
        f"<section>\n<h2>{title}</h2>\n"
        + (f'<p class="hint">{hint}</p>\n' if hint else "")
        + f'<div class="{kind}">\n{content}\n</div>\n</section>'
    )


def gallery_figure(
    rows: Sequence[Sequence[bytes]],
    num_columns: int,
    *,
    alt: str,
    name: str,
    facts: str,
) -> str:
    """Returns a figure of rows of pictures above a name and facts.

    Args:
        rows: Encoded images, the rows all of one length; of length 0 for no
            picture.
        num_columns: Pictures of a whole row; one of fewer is as much narrower.
        alt: What the pictures show.
        name: Name of what is shown.
        facts: Text beside the name.
    """
    picture = ""
    if len(rows[0]):
        picture = (
            f'<img style="width: {100 * len(rows[0]) / num_columns:g}%" '
            f'src="{grid_uri(rows)}" alt="{escape(alt)}">'
        )
    return (
        f'<figure>{picture}<figcaption><span class="name">{escape(name)}</span>'
        f'<span class="score">{escape(facts)}</span></figcaption></figure>'
    )


def script_json(data: dict) -> str:
    """Returns data as JSON that may be inside a script element."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    # Only these could end the element or open a comment.
    return (
        text.replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    )
