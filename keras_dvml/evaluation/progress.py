"""A progress bar for work that turns out to be long."""

import threading
import time

import keras

_SECONDS_WITHOUT = 3.0


class DelayedProgress:
    """Shows a bar once work has taken a few seconds, and nothing before.

    Args:
        num_steps: Steps of the work.
        shown: Whether to show it at all.
        unit_name: What a step is called.
    """

    def __init__(
        self, num_steps: int, shown: bool, unit_name: str = "step"
    ) -> None:
        self._bar = keras.utils.Progbar(
            num_steps, verbose=int(shown), unit_name=unit_name
        )
        self._lock = threading.Lock()
        self._num_done = 0
        self._silent_until = time.monotonic() + _SECONDS_WITHOUT

    def step(self) -> None:
        """Counts one more step as done."""
        with self._lock:
            self._num_done += 1
            if time.monotonic() > self._silent_until:
                self._bar.update(self._num_done)
