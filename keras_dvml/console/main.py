"""The entry point of the command `keras-dvml`."""

import os

from keras_dvml.extras import import_of


def main() -> None:
    """Runs the command with the arguments of this process.

    Example:
        >>> from keras_dvml.console import main
        >>> callable(main)
        True
    """
    # TensorFlow's start-up lines are not an answer.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with import_of("console", "The command keras-dvml needs click"):
        from keras_dvml.console.commands import commands
    commands(prog_name="keras-dvml")
