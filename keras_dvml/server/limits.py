"""How much one request may be, and how much all of them together."""

import dataclasses
import os

import anyio


@dataclasses.dataclass
class Limits:
    """Limits of a server.

    Attributes:
        most_bytes: Of a request.
        num_at_once: Requests that are computed at the same time.
        most_waiting: Requests that are computed or wait for it; more are
            refused at once.
    """

    most_bytes: int = 64 << 20
    num_at_once: int = max(2, os.cpu_count() or 1)
    most_waiting: int = 64

    def __post_init__(self) -> None:
        self.at_once = anyio.CapacityLimiter(self.num_at_once)
