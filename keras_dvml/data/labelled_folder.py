"""A folder of images with one sub-folder a class."""

import os
import pathlib

import numpy as np

# What file managers leave behind, beside hidden files.
_CLUTTER = {"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"}


def from_folder(folder: str | os.PathLike) -> tuple[list[str], np.ndarray]:
    """Lists the files of a folder with one sub-folder a class.

    Nothing is opened. Hidden files, what file managers leave behind, and files
    outside the sub-folders are passed over.

    Args:
        folder: Of sub-folders, in which images lie at any depth.

    Returns:
        Tuple of N paths, by class and name, and their `(N,)` int64 labels: the
        numbers of the classes in the order of their names, which is that of
        their values where all are numbers.

    Raises:
        ValueError: If there is no such folder, or no file in a sub-folder.

    Example:
        >>> import pathlib, tempfile
        >>> import keras_dvml as kd
        >>> birds = pathlib.Path(tempfile.mkdtemp())
        >>> for name in ("robin", "wren"):
        ...     (birds / name).mkdir()
        ...     _ = (birds / name / "1.jpg").write_bytes(b"...")
        >>> images, labels = kd.data.from_folder(birds)
        >>> [pathlib.Path(image).parent.name for image in images], labels
        (['robin', 'wren'], array([0, 1]))
    """
    root = pathlib.Path(folder)
    if not root.is_dir():
        raise ValueError(
            "folder must be an existing folder with one sub-folder a class; "
            f"received {os.fspath(folder)!r}"
        )
    members = {
        path.name: _files_below(path)
        for path in root.iterdir()
        if path.is_dir() and not _is_clutter(path.name)
    }
    names = sorted(name for name in members if members[name])
    if not names:
        raise ValueError(
            "folder must have sub-folders with files, one a class; received "
            f"{os.fspath(folder)!r} with {len(members)} sub-folders, all empty"
        )
    if all(name.isdecimal() for name in names):
        names.sort(key=int)
    paths = [path for name in names for path in members[name]]
    counts = [len(members[name]) for name in names]
    return paths, np.repeat(np.arange(len(names)), counts)


def _files_below(folder: pathlib.Path) -> list[str]:
    files = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_clutter(name))
        files += [
            os.path.join(parent, name)
            for name in sorted(names)
            if not _is_clutter(name)
        ]
    return files


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name.lower() in _CLUTTER
