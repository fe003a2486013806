"""Files and folders that appear complete at their place, or not at all.

What is written goes beside its place under a name that nobody takes for it,
and is renamed when it is complete: a reader never sees half of it, and a
process that is killed leaves what was there before.

So does a machine that loses its power: contents are on disk before they are
renamed, and the new name is when the context has ended. This holds as far as
the disk writes what it is told to (`fsync`) and the file system renames at
once, as those of local disks do; on Windows, which cannot be told, it is left
to the system.
"""

import contextlib
import errno
import os
import shutil
import tempfile

_PREFIX = ".incomplete-"


@contextlib.contextmanager
def whole_file(target):
    """Opens a file that replaces `target` when the context ends well.

    Args:
        target: str or `os.PathLike`. Its folder is made where it is missing.

    Yields:
        Binary file, open for writing.
    """
    target = os.path.abspath(target)
    _make_folders(os.path.dirname(target))
    with tempfile.NamedTemporaryFile(
        dir=os.path.dirname(target), prefix=_PREFIX, delete=False
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
    _sync(os.path.dirname(target))


@contextlib.contextmanager
def whole_folder(target):
    """Makes a folder that becomes `target` when the context ends well.

    Args:
        target: str or `os.PathLike`. The folder that contains it is made
            where it is missing.

    Yields:
        str. Path of the folder to fill.

    Raises:
        FileExistsError: If there is something at `target`.
    """
    with whole_folders(target) as (folder,):
        yield folder


@contextlib.contextmanager
def whole_folders(*targets):
    """Makes folders that become the targets when the context ends well.

    They appear one right after the other, in the order of the targets, or
    none does: where one cannot, those before it are deleted. Only what ends
    the process between two renamings leaves the first without the second.

    Args:
        *targets: str or `os.PathLike`. The folders that contain them are made
            where they are missing.

    Yields:
        list of str. Paths of the folders to fill, in the same order.

    Raises:
        FileExistsError: If there is something at one of the targets.
    """
    targets = [os.path.abspath(target) for target in targets]
    for target in targets:
        if os.path.exists(target):
            raise FileExistsError(f"{target} exists already")
    # What is to go when something fails, wherever it is by then.
    made = []
    try:
        for target in targets:
            _make_folders(os.path.dirname(target))
            made.append(
                tempfile.mkdtemp(dir=os.path.dirname(target), prefix=_PREFIX)
            )
        yield list(made)
        for folder in made:
            os.chmod(folder, 0o755)
            _sync_all(folder)
        for place, target in enumerate(targets):
            os.rename(made[place], target)
            made[place] = target
    except BaseException:
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    for target in targets:
        _sync(os.path.dirname(target))


def _make_folders(folder):
    parent = os.path.dirname(folder)
    if os.path.isdir(folder) or parent == folder:
        return
    _make_folders(parent)
    # Another process may have been faster.
    os.makedirs(folder, exist_ok=True)
    _sync(parent)


def _sync_all(folder):
    for inside, _, names in os.walk(folder):
        for name in names:
            _sync(os.path.join(inside, name))
        _sync(inside)


def _sync(path):
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
