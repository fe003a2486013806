"""Puts what was measured into RESULTS.md.

    make bench accuracy accuracy-real results

A benchmark leaves its tables as a file of Markdown in `runs`. RESULTS.md names
that file where the tables belong, and what stands between the two comments is
replaced:

    <!-- runs/bench/clustering.md -->
    <!-- end -->

Where a file is missing, because that benchmark did not come to its end here,
the tables stay as they are. The picture of `accuracy_glyphs.py` comes beside
RESULTS.md. `git diff` shows what became of the figures; the sentences around
them are for a person to mend.
"""

import pathlib
import re
import shutil

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = "benchmarks/RESULTS.md"
# Drawn -> shown.
PICTURES = {"runs/accuracy_glyphs/scores.svg": "benchmarks/accuracy_glyphs.svg"}
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
    """Writes the document and the picture; prints what was not measured."""
    text, missing = put_in_place((ROOT / DOCUMENT).read_text(), ROOT)
    (ROOT / DOCUMENT).write_text(text)
    for drawn, shown in PICTURES.items():
        if (ROOT / drawn).exists():
            shutil.copyfile(ROOT / drawn, ROOT / shown)
        else:
            missing.append(drawn)
    for name in missing:
        print(f"{name} is missing: what it showed stays as it was")


if __name__ == "__main__":
    main()
