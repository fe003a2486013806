"""Puts what was measured into RESULTS.md.

    make bench
    python benchmarks/accuracy_glyphs.py
    python benchmarks/results.py

A benchmark leaves its tables as a file of Markdown in `runs`. RESULTS.md names
that file where the tables belong, and what stands between the two comments is
replaced:

    <!-- runs/bench/clustering.md -->
    <!-- end -->

Where a file is missing, because that benchmark did not come to its end here,
the tables stay as they are. `git diff` shows what became of the figures; the
sentences around them are for a person to mend.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
_PLACE = re.compile(
    r"^<!-- (?P<path>runs/\S+) -->\n.*?^<!-- end -->$", re.MULTILINE | re.DOTALL
)


def put_in_place(text, root):
    """Returns a document with its tables replaced, and the files it lacks.

    Args:
        text: str. The document.
        root: `pathlib.Path`. What the paths in it start from.
    """
    missing = []

    def replaced(place):
        path = root / place["path"]
        if not path.exists():
            missing.append(place["path"])
            return place[0]
        tables = path.read_text().strip("\n")
        return f"<!-- {place['path']} -->\n\n{tables}\n\n<!-- end -->"

    return _PLACE.sub(replaced, text), missing


def main():
    """Writes RESULTS.md; tells what was not measured here."""
    path = ROOT / "benchmarks" / "RESULTS.md"
    text, missing = put_in_place(path.read_text(), ROOT)
    path.write_text(text)
    for name in missing:
        print(f"{name} is missing: its tables stay as they were")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
