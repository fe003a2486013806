"""Files and folders that appear complete at their place, or not at all.

What is written goes beside its place under another name, and is renamed when
it is complete: a reader never sees half of it, and a process that is killed
leaves what was there before.

So does a machine that loses its power: contents are on disk before they are
renamed, and the new name is when the context has ended. This holds as far as
the disk obeys `fsync` and the file system renames at once, as those of local
disks do; on Windows, where folders cannot be synchronized, it is left to the
system.

A target may be a URI that TensorFlow can write to, such as `gs://`. What is
written goes to a temporary place of this machine then, and is copied when it is
complete. Stores show a file when all of it is there, but know no renaming of
folders: those appear file by file, a SavedModel's `saved_model.pb` last.
"""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import IO

#: What the names of unfinished files and folders begin with.
PREFIX = ".incomplete-"


@contextlib.contextmanager
def whole_file(target: str | os.PathLike) -> Iterator[IO[bytes]]:
    """Opens a file that replaces `target` when the context ends well.

    Args:
        target: Path of the file. Its folder is made where it is missing.

    Yields:
        File, open for writing.
    """
    target = full_path(target)
    folder = os.path.dirname(target)
    if is_uri(target):
        with tempfile.TemporaryDirectory() as local:
            path = os.path.join(local, "file")
            with open(path, "xb") as file:
                yield file
            _copy_to_store(path, target)
        return
    make_folders(folder)
    with tempfile.NamedTemporaryFile(
        dir=folder, prefix=PREFIX, delete=False
    ) as file:
        try:
            yield file
            file.flush()
            # Renamed before its contents are on disk, it could end up empty.
            os.fsync(file.fileno())
            # A temporary file lets only its owner in; a reader may be another.
            os.chmod(file.name, 0o644)
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise
    _sync(folder)


@contextlib.contextmanager
def whole_folder(target: str | os.PathLike) -> Iterator[str]:
    """Makes a folder that becomes `target` when the context ends well.

    Args:
        target: Path of the folder. The one that contains it is made where it
            is missing.

    Yields:
        Path of the folder to fill.

    Raises:
        FileExistsError: If there is something at `target`.
    """
    with whole_folders(target) as (folder,):
        yield folder


@contextlib.contextmanager
def whole_folders(*targets: str | os.PathLike) -> Iterator[list[str]]:
    """Makes folders that become the targets when the context ends well.

    They appear one right after the other, in the order of the targets, or
    none does: where one cannot, those before it are deleted. Only what ends
    the process between two renamings leaves the first without the second.

    Args:
        *targets: Paths of the folders. Those that contain them are made where
            they are missing.

    Yields:
        Paths of the folders to fill, in the same order.

    Raises:
        FileExistsError: If there is something at one of the targets.
    """
    paths = [full_path(target) for target in targets]
    for path in paths:
        if _exists(path):
            raise FileExistsError(f"{path} exists already")
    folders, placed = [], []
    try:
        for path in paths:
            parent = None if is_uri(path) else os.path.dirname(path)
            if parent:
                make_folders(parent)
            folders.append(tempfile.mkdtemp(dir=parent, prefix=PREFIX))
        yield list(folders)
        for folder in folders:
            os.chmod(folder, 0o755)
            _sync_all(folder)
        for folder, path in zip(folders, paths, strict=True):
            if is_uri(path):
                placed.append(path)
                _copy_folder_to_store(folder, path)
            else:
                os.rename(folder, path)
                placed.append(path)
    except BaseException:
        for path in placed:
            _delete(path)
        raise
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    for path in paths:
        if not is_uri(path):
            _sync(os.path.dirname(path))


def is_uri(path: str | os.PathLike) -> bool:
    """Says whether a path is of an object store, such as `gs://bucket/x`."""
    return "://" in os.fspath(path)


def full_path(path: str | os.PathLike) -> str:
    """Returns a path as an absolute one, a URI as it is."""
    path = os.fspath(path)
    return path.rstrip("/") if is_uri(path) else os.path.abspath(path)


def delete_unfinished(*folders: str | os.PathLike) -> None:
    """Deletes what processes that were killed have left half-written.

    Nobody else may be writing into these folders.

    Args:
        *folders: Those in which whole folders were being made.
    """
    for folder in map(full_path, folders):
        if not is_uri(folder) and os.path.isdir(folder):
            for name in os.listdir(folder):
                if name.startswith(PREFIX):
                    _delete(os.path.join(folder, name))


def make_folders(folder: str) -> None:
    """Makes a folder and those that contain it, their names on disk."""
    parent = os.path.dirname(folder)
    if os.path.isdir(folder) or parent == folder:
        return
    make_folders(parent)
    # Another process may have been faster.
    os.makedirs(folder, exist_ok=True)
    _sync(parent)


def _exists(path: str) -> bool:
    return _store().exists(path) if is_uri(path) else os.path.exists(path)


def _delete(path: str) -> None:
    if is_uri(path):
        if _store().isdir(path):
            _store().rmtree(path)
    elif os.path.isfile(path):
        os.unlink(path)
    else:
        shutil.rmtree(path, ignore_errors=True)


def _copy_folder_to_store(folder: str, target: str) -> None:
    files = [
        os.path.relpath(os.path.join(inside, name), folder)
        for inside, _, names in os.walk(folder)
        for name in names
    ]
    # A server takes a folder for a model as soon as this file is there.
    for file in sorted(files, key=lambda file: file == "saved_model.pb"):
        _copy_to_store(os.path.join(folder, file), f"{target}/{file}")


def _copy_to_store(path: str, target: str) -> None:
    _store().makedirs(os.path.dirname(target))
    _store().copy(path, target, overwrite=True)


def _store():
    # Whoever has no URI does not wait for TensorFlow.
    import tensorflow as tf

    return tf.io.gfile


def _sync_all(folder: str) -> None:
    for inside, _, names in os.walk(folder):
        for name in names:
            _sync(os.path.join(inside, name))
        _sync(inside)


def _sync(path: str) -> None:
    """Waits until a file's contents, or the names in a folder, are on disk."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems know of nothing to be done for a folder.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
