"""The log lines of a training's process, written and read by another one."""

import logging
import re
import sys

# Libraries write to the same screen; what is ours begins like this.
_FORMAT = "training %(levelname)s: %(message)s"
_OURS = re.compile(r"training (DEBUG|INFO|WARNING|ERROR|CRITICAL): (.*)")


def log_to_stdout() -> None:
    """Writes what our own loggers log to the screen, from here on."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter(_FORMAT))
    for name in ("pipelines", "keras_dvml"):
        ours = logging.getLogger(name)
        ours.addHandler(handler)
        ours.setLevel(logging.INFO)
        # Libraries have handlers of their own, which would repeat it.
        ours.propagate = False


def parse_log_line(line: str) -> tuple[int, str] | None:
    """Reads a line that another process has written.

    Args:
        line: of its screen.

    Returns:
        Level and message, or `None` where the line is not one of ours.

    Example:
        >>> parse_log_line("training WARNING: an image cannot be read")
        (30, 'an image cannot be read')
        >>> parse_log_line("WARNING: the CPU has instructions to spare")
        >>> parse_log_line("training LOSS: 0.5")
    """
    found = _OURS.match(line)
    if not found:
        return None
    return logging.getLevelName(found[1]), found[2]
