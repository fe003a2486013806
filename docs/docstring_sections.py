"""Translates the sections of our docstrings for the site's parser.

`Call arguments` becomes a list of parameters, `Example` code to copy, and
`Reference` a line of text. The code of an `Example` may be indented or not.
"""

import textwrap

import griffe

_SECTIONS = (
    "Args",
    "Call arguments",
    "Attributes",
    "Returns",
    "Yields",
    "Raises",
    "Example",
    "Reference",
)


class OurSections(griffe.Extension):
    """Rewrites each docstring before it is parsed."""

    def on_object(self, *, obj, **unused):
        if obj.docstring:
            obj.docstring.value = rewritten(obj.docstring.value)


def rewritten(docstring):
    """Returns a docstring with sections as Griffe's google style has them."""
    text, *sections = _split(docstring.splitlines())
    parts = ["\n".join(text).strip("\n")]
    for head, *lines in sections:
        name = head.removesuffix(":")
        body = textwrap.dedent("\n".join(lines)).strip("\n")
        indented = textwrap.indent(body, "    ")
        if name == "Reference":
            parts.append(f"Reference: {' '.join(body.split())}")
        elif name == "Returns":
            # As a list, each line of it would be taken for an item.
            parts.append(f"**Returns:**\n\n{body}")
        elif name == "Example":
            parts.append(f"Examples: Example:\n{indented}")
        elif name == "Call arguments":
            parts.append(f"Other Parameters: Call arguments:\n{indented}")
        else:
            parts.append(f"{head}\n{indented}")
    return "\n\n".join(parts)


def _split(lines):
    """Cuts lines before each that begins a section."""
    groups = [[]]
    for line in lines:
        if line.endswith(":") and line[:-1] in _SECTIONS:
            groups.append([])
        groups[-1].append(line)
    return groups
