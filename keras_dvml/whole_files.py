"""Files and folders that appear complete at their place, or not at all.

What is written goes beside its place under another name, and is renamed when
it is complete: a reader never sees half of it, and a process that is killed
leaves what was there before.

So does a machine that loses its power: contents are on disk before they are
renamed, and the new name is when the context has ended. This holds as far as
the disk obeys `fsync` and the file system renames at once, as those of local
disks do; on Windows, where folders cannot be synchronized, it is left to the
system.
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
    target = local_path(target)
    folder = os.path.dirname(target)
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
    paths = [local_path(target) for target in targets]
    for path in paths:
        if os.path.exists(path):
            raise FileExistsError(f"{path} exists already")
    # What is to be deleted when something fails, wherever it is by then.
    made = []
    try:
        for path in paths:
            parent = os.path.dirname(path)
            make_folders(parent)
            made.append(tempfile.mkdtemp(dir=parent, prefix=PREFIX))
        yield list(made)
        for folder in made:
            os.chmod(folder, 0o755)
            _sync_all(folder)
        for number, path in enumerate(paths):
            os.rename(made[number], path)
            made[number] = path
    except BaseException:
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    for path in paths:
        _sync(os.path.dirname(path))


def local_path(path: str | os.PathLike) -> str:
    """Returns a path as an absolute one of this machine.

    Raises:
        ValueError: If it is a URI, of which a folder `gs:` would be made.
    """
    path = os.fspath(path)
    if "://" in path:
        raise ValueError(
            f"path must be of this machine, not a URI; received {path!r}"
        )
    return os.path.abspath(path)


def make_folders(folder: str) -> None:
    """Makes a folder and those that contain it, their names on disk."""
    parent = os.path.dirname(folder)
    if os.path.isdir(folder) or parent == folder:
        return
    make_folders(parent)
    # Another process may have been faster.
    os.makedirs(folder, exist_ok=True)
    _sync(parent)


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
