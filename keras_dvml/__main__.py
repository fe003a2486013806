"""Runs the command `keras-dvml` as `python -m keras_dvml`."""

from keras_dvml.console import main

if __name__ == "__main__":
    main()
