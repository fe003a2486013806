"""How an index is kept in a file: NumPy's arrays, checked when it is read."""

import contextlib
import io
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from keras_dvml.whole_files import is_uri, whole_file


def write_arrays(path: str | os.PathLike, arrays: Mapping[str, Any]) -> None:
    """Writes arrays by name, whole or not at all.

    Args:
        path: The file, also of an object store.
        arrays: What NumPy writes without pickling.
    """
    with whole_file(path) as file:
        np.savez(file, **arrays)


def read_arrays(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads what `write_arrays` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is broken, or another kind of file.
    """
    source: Any = path
    if is_uri(path):
        with tf.io.gfile.GFile(os.fspath(path), "rb") as file:
            source = io.BytesIO(file.read())
    else:
        # Says itself what cannot be opened, and why.
        open(path, "rb").close()
    with named_if_broken(path), np.load(source, allow_pickle=False) as stored:
        return dict(stored)


@contextlib.contextmanager
def named_if_broken(path: str | os.PathLike) -> Iterator[None]:
    """Makes a ValueError that names the file of whatever is raised within.

    NumPy, zipfile and zlib raise a dozen kinds of errors over broken files.
    """
    try:
        yield
    except Exception as error:
        reason = str(error) or type(error).__name__
        if isinstance(error, KeyError):
            reason = f"it lacks {reason}"
        raise ValueError(
            f"path must be of a saved index; received {os.fspath(path)}, "
            f"which cannot be read as one: {reason}"
        ) from error
