"""What the benchmarks hand over: their tables, and figures beside their bars.

A benchmark prints its tables through a `Record`, says which of its numbers are
compared with what, and with `--json PATH` leaves both in a file. `bench.py`
makes its one table of these files. Each row and figure says the environment
that it was measured in.
"""

import dataclasses
import json
import os
import pathlib
from importlib import metadata


@dataclasses.dataclass(frozen=True)
class Figure:
    """One comparison. Less is better, throughout: rates are given as times.

    Args:
        claim: str. What is claimed; the figures of a claim share a row.
        case: str. Where it was measured, such as a size.
        ours: float.
        unit: str. Of `ours`, `peer` and `floor`.
        against: `"peer"`, `"floor"` or `"limit"`. What ours is divided by
            before it is held against the bar; a limit is for ours as it is.
        peer: float or `None`. What the best other package takes.
        floor: float or `None`. What cannot be avoided.
        bar: float or `None`. The most that the claim allows; `None` where
            nothing was claimed.
        ratio: float or `None`. Ours over the other where it is not just their
            quotient, such as a median over pairs of turns.
        peer_name: str. Defaults to `""`.
        environment: str. Of ours. Defaults to `""`.

    Example:
    >>> figure = Figure("n-pair", "80", 2.0, "ms", "peer", peer=4.0, bar=1.0)
    >>> figure.value, figure.met
    (0.5, True)
    """

    claim: str
    case: str
    ours: float
    unit: str
    against: str
    peer: float | None = None
    floor: float | None = None
    bar: float | None = None
    ratio: float | None = None
    peer_name: str = ""
    environment: str = ""

    @property
    def value(self):
        """What is held against the bar."""
        if self.against == "limit":
            return self.ours
        if self.ratio is not None:
            return self.ratio
        return self.ours / (self.peer if self.against == "peer" else self.floor)

    @property
    def met(self):
        """Whether the bar holds; `None` without one."""
        return None if self.bar is None else self.value <= self.bar


def environment():
    """Returns what a row says of the environment that this runs in."""
    versions = metadata.version("tensorflow"), metadata.version("keras")
    return "TF {}, Keras {}".format(*versions)


class Record:
    """Prints tables as they grow and keeps them with the figures.

    The first column of each table is the environment: this process', unless a
    row or figure is given another.

    Args:
        path: path of the JSON file, or `None` to keep nothing.
    """

    def __init__(self, path=None):
        self._path = path
        self._environment = environment()
        self._lines = []
        self._figures = []

    def header(self, *cells):
        """Begins a table."""
        if self._lines:
            self._print("")
        self.row(*cells, environment="environment")
        self._print("|" + "---|" * (1 + len(cells)))

    def row(self, *cells, environment=None):
        """Adds a row to the table."""
        cells = environment or self._environment, *cells
        self._print("| " + " | ".join(map(str, cells)) + " |")

    def note(self, text):
        """Adds a paragraph below the table."""
        self._print(f"\n{text}")

    def figure(self, claim, case, ours, **others):
        """Adds a `Figure`."""
        others = {"environment": self._environment, **others}
        self._figures.append(Figure(claim, case, ours, **others))

    def save(self):
        """Writes the file: it is there when the benchmark came to its end."""
        if self._path is None:
            return
        content = {
            "table": "\n".join(self._lines),
            "figures": [dataclasses.asdict(one) for one in self._figures],
        }
        partial = f"{self._path}.partial"
        pathlib.Path(partial).write_text(json.dumps(content, indent=1))
        os.replace(partial, self._path)

    def write(self, path):
        """Writes the tables alone, as Markdown."""
        pathlib.Path(path).write_text("\n".join(self._lines) + "\n")

    def _print(self, line):
        print(line, flush=True)
        self._lines.append(line)


def load(path):
    """Returns the tables in Markdown and the figures of a saved record."""
    content = json.loads(pathlib.Path(path).read_text())
    return content["table"], [Figure(**one) for one in content["figures"]]


def add_argument(parser):
    """Gives a benchmark's command line its `--json`."""
    parser.add_argument(
        "--json",
        metavar="PATH",
        help="file for tables and figures, written when all is done",
    )
