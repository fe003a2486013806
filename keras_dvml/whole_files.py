"""Files and folders that appear complete at their place, or not at all.

What is written goes beside its place under a name that nobody takes for it,
and is renamed when it is complete: a reader never sees half of it, and a
process that is killed leaves what was there before.
"""

import contextlib
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
    os.makedirs(os.path.dirname(target), exist_ok=True)
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
    target = os.path.abspath(target)
    if os.path.exists(target):
        raise FileExistsError(f"{target} exists already")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    folder = tempfile.mkdtemp(dir=os.path.dirname(target), prefix=_PREFIX)
    try:
        yield folder
        os.chmod(folder, 0o755)
        os.rename(folder, target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
