"""How the page is put together: templates, sections, data for the script."""

import json
import re
from importlib import resources


def read_template(name: str) -> str:
    """Returns a file that lies beside this one."""
    return (
        resources.files("keras_dvml.reports")
        .joinpath(name)
        .read_text(encoding="utf-8")
    )


def fill(template: str, **parts: str) -> str:
    """Puts each part where the template has `{{ name }}`."""
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


def script_json(data: dict) -> str:
    """Returns data as JSON that may stand inside a script element."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    # Only these could end the element or open a comment.
    return (
        text.replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    )
