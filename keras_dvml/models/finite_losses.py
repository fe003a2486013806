"""Ends a training whose loss is no longer a number."""

from collections.abc import Callable
from typing import Any

import numpy as np


def raises_unless_finite(step: Callable[[Any], dict]) -> Callable[[Any], dict]:
    """Wraps a function of a step of training that returns its logs.

    The logs are read between steps, since a step that XLA compiled cannot
    raise. They are means over the epoch, which stay infinite or NaN.

    Raises:
        FloatingPointError: If a loss is infinite or NaN, with the names of its
            terms that are.
    """

    def checked(iterator):
        logs = step(iterator)
        values = {name: np.mean(value) for name, value in logs.items()}
        if not np.isfinite(sum(values.values())):
            # "loss" is their sum, and says nothing where there are others.
            wrong = [
                f"{name} is {value}"
                for name, value in sorted(values.items(), key=_is_sum)
                if not np.isfinite(value)
            ]
            raise FloatingPointError(
                f"The loss must be finite; received {', '.join(wrong)}. Try "
                "a lower learning rate or a lower weight of that term."
            )
        return logs

    return checked


def _is_sum(item):
    return item[0] == "loss"
