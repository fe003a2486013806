"""What a process of a training says on its screen, and who passes it on."""

import logging
import re
import sys

# Libraries say more on the same screen; what is ours begins like this.
_FORMAT = "training %(levelname)s: %(message)s"
_OURS = re.compile(r"training ([A-Z]+): (.*)")


def show_our_lines() -> None:
    """Shows what our own loggers say, from here on."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter(_FORMAT))
    for name in ("pipelines", "keras_dvml"):
        ours = logging.getLogger(name)
        ours.addHandler(handler)
        ours.setLevel(logging.INFO)
        # Libraries have handlers of their own, which would say it again.
        ours.propagate = False


def read_our_line(line: str) -> tuple[int, str] | None:
    """Reads a line that another process has shown.

    Args:
        line: of its screen.

    Returns:
        Level and message, or `None` where the line is not one of ours.

    Example:
        >>> read_our_line("training WARNING: an image cannot be read")
        (30, 'an image cannot be read')
        >>> read_our_line("WARNING: the CPU has instructions to spare")
    """
    found = _OURS.match(line)
    if not found:
        return None
    return logging.getLevelName(found[1]), found[2]
