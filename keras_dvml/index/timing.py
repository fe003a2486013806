"""How long functions take on this machine."""

import statistics
import time
from collections.abc import Callable, Sequence


def median_seconds(
    functions: Sequence[Callable], calls: Sequence[tuple]
) -> list[float]:
    """Times functions in turns, so that a busy machine slows them alike.

    Args:
        functions: What is timed.
        calls: Arguments. Each function is called with the first once
            unmeasured, then with all.

    Returns:
        The median time a call of each function.

    Example:
        >>> import keras_dvml as kd
        >>> short, long = kd.index.median_seconds(
        ...     [lambda number: None, lambda number: sum(range(number))],
        ...     [(100_000,)] * 5,
        ... )
        >>> short < long
        True
    """
    for function in functions:
        function(*calls[0])
    seconds = [[] for _ in functions]
    for arguments in calls:
        for function, taken in zip(functions, seconds, strict=True):
            begin = time.perf_counter()
            function(*arguments)
            taken.append(time.perf_counter() - begin)
    return [statistics.median(taken) for taken in seconds]
