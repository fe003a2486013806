"""Folders that are filled on this machine and kept in an object store.

On Kubeflow artifacts have URIs such as `gs://bucket/...`. What writes to files
and renames them cannot write there, and would make a local folder `gs:`.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator

from tfx.dsl.io import fileio

# A server takes a folder for a model as soon as this file is there.
_LAST = "saved_model.pb"


def is_remote(uri: str) -> bool:
    """Says whether a folder is one of an object store.

    Args:
        uri: path or URI.

    Example:
        >>> is_remote("gs://bucket/model"), is_remote("/models/birds")
        (True, False)
    """
    return "://" in uri


@contextlib.contextmanager
def written_folder(uri: str) -> Iterator[str]:
    """Gives a folder to fill, whose contents will be at a URI.

    Args:
        uri: path, or URI of an object store.

    Yields:
        A local path at which nothing is yet: `uri` itself where that is one.
    """
    if not is_remote(uri):
        yield uri
        return
    with tempfile.TemporaryDirectory() as parent:
        path = os.path.join(parent, "folder")
        yield path
        copy_folder(path, uri)


def copy_folder(source: str, target: str) -> None:
    """Copies a folder, to or from an object store, whole SavedModels only.

    A reader finds `saved_model.pb` when all else is in its place.

    Args:
        source: path or URI of a folder.
        target: path or URI that its contents get.
    """
    pairs = []
    for folder, _, names in fileio.walk(source):
        inside = os.path.relpath(str(folder), source)
        copied = target if inside == "." else os.path.join(target, inside)
        # Empty folders are left out, as object stores know none.
        if names:
            fileio.makedirs(copied)
        pairs += [
            (os.path.join(str(folder), name), os.path.join(copied, name))
            for name in map(str, names)
        ]
    for pair in sorted(pairs, key=lambda p: os.path.basename(p[0]) == _LAST):
        fileio.copy(*pair, overwrite=True)
