"""A folder of images with one sub-folder a class."""

import os
import pathlib

import numpy as np

from keras_dvml.class_split import in_class_order
from keras_dvml.folder_walk import files_below, visible


def from_folder(folder: str | os.PathLike) -> tuple[list[str], np.ndarray]:
    """Lists the files of a folder with one sub-folder a class.

    Nothing is opened. Links to folders are followed, each folder once. Hidden
    files, what file managers and storage devices leave behind, and files
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
    folders = [path for path in visible(root) if path.is_dir()]
    members = {
        path.name: [str(file) for file in files]
        for path, files in files_below(folders).items()
    }
    names = in_class_order(name for name in members if members[name])
    if not names:
        raise ValueError(
            "folder must have sub-folders with files, one a class; received "
            f"{os.fspath(folder)!r} with {len(members)} sub-folders, all empty"
        )
    paths = [path for name in names for path in members[name]]
    counts = [len(members[name]) for name in names]
    return paths, np.repeat(np.arange(len(names)), counts)
