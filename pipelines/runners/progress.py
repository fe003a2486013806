"""What a run shows: a line a step, and a sign of life in between."""

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

_MAX_SILENCE_SECONDS = 6.0
_SHOWN_LOGGERS = ("pipelines", "keras_dvml")


class Progress(logging.Handler):
    """Writes our packages' log records to the screen, and fills silences.

    A thread says what is still going on whenever nothing has been written
    for six seconds. Use it as a context manager.

    Args:
        stream: text stream; standard output when `None`.

    Attributes:
        failed_step: name of the step that an error has ended; empty where
            none has since the last step began.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(logging.INFO)
        self._stream = stream or sys.stdout
        self._last_write = time.monotonic()
        self._step = ""
        self._step_start = time.monotonic()
        self.failed_step = ""
        self._writing = threading.RLock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "Progress":
        """Attaches itself to our loggers and starts the heartbeat."""
        for name in _SHOWN_LOGGERS:
            logging.getLogger(name).addHandler(self)
            logging.getLogger(name).setLevel(logging.INFO)
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        """Detaches itself."""
        self._done.set()
        self._thread.join()
        for name in _SHOWN_LOGGERS:
            logging.getLogger(name).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record, indented below the step it belongs to."""
        mark = "! " if record.levelno >= logging.WARNING else ""
        indent = "    " if self._step else ""
        self.write(f"{indent}{mark}{record.getMessage()}")

    def write(self, line: str) -> None:
        """Writes a line at once."""
        with self._writing:
            self._last_write = time.monotonic()
            encoding = getattr(self._stream, "encoding", None) or "utf-8"
            line = line.encode(encoding, "backslashreplace").decode(encoding)
            # A reader that has gone away must not end hours of training.
            with contextlib.suppress(OSError):
                self._stream.write(line + "\n")
                self._stream.flush()

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Names what is going on, for the signs of life.

        Args:
            name: of the step.
        """
        self._step_start = time.monotonic()
        self._step, self.failed_step = name, ""
        try:
            yield
        except BaseException:
            self.failed_step = name
            raise
        finally:
            self._step = ""

    @property
    def seconds_in_step(self) -> float:
        """Time since the current or last step began."""
        return time.monotonic() - self._step_start

    def _beat(self) -> None:
        while not self._done.wait(0.5):
            silence = time.monotonic() - self._last_write
            if self._step and silence >= _MAX_SILENCE_SECONDS:
                self.write(
                    f"    ... {self._step}, {self.seconds_in_step:.0f} s"
                )
