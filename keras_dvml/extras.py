"""What an optional part of the package needs, as a command to install it.

The package is on no index, where `pip install keras_dvml[scann]` would find
it. What its extras require is, and every installation has the list.
"""

import contextlib
import importlib.metadata
import re
from collections.abc import Iterator


def install_command(extra: str) -> str:
    """Returns the command that installs what an extra requires.

    Args:
        extra: As pyproject.toml names it, such as `"faiss"`.

    Returns:
        Such as `pip install "faiss-cpu>=1.8"`.
    """
    # Of the form `faiss-cpu>=1.8; extra == "faiss"`.
    ends = re.compile(rf""";\s*extra\s*==\s*['"]{extra}['"]$""")
    requirements = [
        f'"{ends.sub("", line).strip()}"'
        for line in _requirements()
        if ends.search(line)
    ]
    # Nothing is listed where a clone is on the path without being installed.
    return " ".join(["pip install", *(requirements or [f'-e ".[{extra}]"'])])


@contextlib.contextmanager
def import_of(extra: str, need: str) -> Iterator[None]:
    """Adds to a failing import what needs it, and how to install it.

    Args:
        extra: As pyproject.toml names it.
        need: A sentence without its full stop.

    Raises:
        ImportError: If the import fails.
    """
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{need} ({error}). Install it with: {install_command(extra)}"
        ) from error


def _requirements() -> list[str]:
    try:
        return importlib.metadata.requires("keras_dvml") or []
    except importlib.metadata.PackageNotFoundError:
        return []
