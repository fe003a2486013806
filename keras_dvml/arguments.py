"""Checks of single arguments, with one message for one kind of mistake."""

from collections.abc import Collection, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np


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


def check_count(least: int, **arguments: int) -> None:
    """Raises where an argument is no whole number, or too small.

    Args:
        least: The smallest value allowed.
        **arguments: Values by the names of their arguments.

    Raises:
        ValueError: If a value is below `least` or no integer, `5.0` included.
    """
    for name, value in arguments.items():
        if not isinstance(value, Integral):
            raise ValueError(
                f"{name} must be an integer, at least {least}; received "
                f"{value!r}"
            )
    check_at_least(least, **arguments)


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


def in_order(values: Any, name: str) -> Any:
    """Returns a collection whose items are found by their place, from 0 on.

    A column of a table is indexed by its row labels, and the views of a
    dictionary not at all: taken as they are, items would be mixed up.

    Args:
        values: Array, sequence, column or index of a pandas, polars or Arrow
            table, or view of a dictionary.
        name: What the argument is called.

    Returns:
        An array, or a sequence; the same object where it is one.

    Raises:
        ValueError: If it is a set or a dictionary, which have no order or two
            sides.

    Example:
        >>> from keras_dvml.arguments import in_order
        >>> in_order({"wren": 3, "robin": 7}.values(), "labels")
        [3, 7]
    """
    if isinstance(values, (set, frozenset, Mapping)):
        raise ValueError(
            f"{name} must be a sequence, whose items have an order; received "
            f"a {type(values).__name__}"
        )
    if isinstance(values, (np.ndarray, str, bytes)):
        return values
    if hasattr(values, "__array__"):
        return np.asarray(values)
    if isinstance(values, Collection) and not isinstance(values, Sequence):
        if not hasattr(values, "__getitem__"):
            return list(values)
    return values
