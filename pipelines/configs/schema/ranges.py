"""Which numbers and words the fields of a run accept."""

import math
from typing import Any, get_args


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
        ValueError: `train.epochs` must be at least 0; received epochs=-1
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
                f"`{prefix}{name}` must {bounds}; received {name}={value}"
            )


def check_choices(config: Any, prefix: str = "", **choices: Any) -> None:
    """Raises where a field of a run is none of its choices.

    Args:
        config: a dataclass.
        prefix: what the message names fields with, such as `"tune."`.
        **choices: name of a field to the `Literal` that it is annotated with.

    Raises:
        ValueError: for the first that is not among its choices.
    """
    for name, choice in choices.items():
        value = getattr(config, name)
        if value not in get_args(choice):
            raise ValueError(
                f"`{prefix}{name}` must be one of {get_args(choice)}; "
                f"received {name}={value!r}"
            )


AT_LEAST_0 = (0, math.inf)
AT_LEAST_1 = (1, math.inf)
SHARE = (0, 1)
