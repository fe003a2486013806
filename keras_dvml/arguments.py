"""Checks of single arguments, with one message for one kind of mistake."""

from collections.abc import Sequence
from numbers import Integral


def check_at_least(least: float, **arguments: float) -> None:
    """Raises where an argument is too small.

    Args:
        least: The smallest value allowed.
        **arguments: Values by the names of their arguments.

    Raises:
        ValueError: If a value is below `least`, or NaN.
    """
    for name, value in arguments.items():
        if not value >= least:  # So that NaN is refused.
            raise ValueError(
                f"{name} must be at least {least}; received {value}"
            )


def check_in_range(
    least: int, most: int, reason: str, **arguments: float
) -> None:
    """Raises where an argument is not within bounds.

    Args:
        least: The smallest value allowed.
        most: The largest value allowed.
        reason: Why it is the largest, such as `"the number of embeddings"`.
        **arguments: Values by the names of their arguments.

    Raises:
        ValueError: If a value is out of range or no integer.
    """
    for name, value in arguments.items():
        if not isinstance(value, Integral) or not least <= value <= most:
            raise ValueError(
                f"{name} must be in {least}..{most}, {reason}; received {value}"
            )


def check_one_of(choices: Sequence[str], **arguments: object) -> None:
    """Raises where an argument is none of the choices.

    Args:
        choices: The values allowed.
        **arguments: Values by the names of their arguments.

    Raises:
        ValueError: If a value is not among `choices`.
    """
    for name, value in arguments.items():
        if value not in choices:
            raise ValueError(
                f"{name} must be one of {', '.join(choices)}; received "
                f"{value!r}"
            )
