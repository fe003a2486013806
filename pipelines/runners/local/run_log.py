"""The log of a run: what libraries have to report, kept off the screen."""

import contextlib
import logging
import os
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def other_logs_in(path: pathlib.Path) -> Iterator[None]:
    """Keeps what libraries log off the screen, in a file.

    Args:
        path: of the file, which is written anew.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    handler = _LogFile(path, mode="w", encoding="utf-8")
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname).1s %(name)s: %(message)s")
    )
    root = logging.getLogger()
    level = root.level
    # TensorFlow and absl leave a root logger alone that has handlers.
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        with _standard_error_in(handler.stream):
            yield
    except Exception:
        root.exception("The run failed.")
        logger.info("The details are in %s", path)
        raise
    finally:
        logging.captureWarnings(False)
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


@contextlib.contextmanager
def _standard_error_in(stream: Any) -> Iterator[None]:
    """Sends what is written past Python's logging, as by C++, to a file."""
    screen = os.dup(2)
    os.dup2(stream.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(screen, 2)
        os.close(screen)


class _LogFile(logging.FileHandler):
    """A log that a full disk ends, without a word about each lost line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Passes over what cannot be written."""
