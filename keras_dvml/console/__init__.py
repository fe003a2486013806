"""The command `keras-dvml`: what was published, from a shell."""

from keras_dvml.console.main import main

__all__ = ["main"]


def __dir__() -> list[str]:
    return __all__
