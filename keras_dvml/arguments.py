"""Checks of arguments, with one message."""


def check_at_least(minimum: float, **numbers: float) -> None:
    """Raises a `ValueError` that names the first number below the minimum.

    Example:
        >>> from keras_dvml.arguments import check_at_least
        >>> check_at_least(1, num_samples=0)
        Traceback (most recent call last):
        ValueError: num_samples must be at least 1; received 0
    """
    for name, number in numbers.items():
        if number < minimum:
            raise ValueError(
                f"{name} must be at least {minimum}; received {number}"
            )
