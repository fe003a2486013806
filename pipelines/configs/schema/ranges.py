"""Bounds of the numbers in a run, and what is said of one beyond them."""

import math
from typing import Any


def check_ranges(
    config: Any, prefix: str = "", **ranges: tuple[float, float]
) -> None:
    """Raises where a field of a run is out of its range.

    Args:
        config: a dataclass.
        prefix: what the message names fields with, such as `"tune."`.
        **ranges: name of a field to its least and its largest value.

    Raises:
        ValueError: for the first that is out of its range, or NaN.

    Example:
        >>> import types
        >>> train = types.SimpleNamespace(epochs=-1)
        >>> check_ranges(train, "train.", epochs=AT_LEAST_0)
        Traceback (most recent call last):
          ...
        ValueError: `train.epochs` must be at least 0. Received: epochs=-1
    """
    for name, (least, most) in ranges.items():
        value = getattr(config, name)
        if not least <= value <= most:
            bounds = (
                f"be at least {least}"
                if math.isinf(most)
                else f"lie in [{least}, {most}]"
            )
            raise ValueError(
                f"`{prefix}{name}` must {bounds}. Received: {name}={value}"
            )


AT_LEAST_0 = (0, math.inf)
AT_LEAST_1 = (1, math.inf)
SHARE = (0, 1)
