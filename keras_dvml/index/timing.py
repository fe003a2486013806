"""Which of several functions is faster on this machine."""

import statistics
import time


def median_seconds(functions, calls):
    """Times functions in turns, so that a busy machine slows them alike.

    Args:
        functions: sequence of functions.
        calls: sequence of tuples of arguments. Each function is called with
            the first once unmeasured, then with all.

    Returns:
        list of float. The median time a call of each.
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
