"""Says what went wrong, to people who did not write what went wrong."""

import errno
import os
import shutil
from collections.abc import Iterator

# In the words of the system, of HDF5, and of SQLite.
_FULL = ("No space left on device", "errno = 28", "disk is full")


def explain(error: BaseException, *folders: str | os.PathLike) -> str:
    """Returns the message of a failure.

    Args:
        error: what was raised.
        *folders: that the run writes to, to be named where a disk is full.

    Returns:
        The message; of a full disk, what to do about it.
    """
    if not any(map(_tells_of_full_disk, _chain(error))):
        return str(error) or type(error).__name__
    free = ", ".join(
        f"{shutil.disk_usage(folder).free / 2**20:,.1f} MB free at {folder}"
        for folder in folders
        if os.path.isdir(folder)
    )
    return (
        f"No space left on the disk ({free}). What this step had written is "
        "deleted. Make room and start the same command again: it resumes here."
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error and those that it came from."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _tells_of_full_disk(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return True
    return any(words in str(error) for words in _FULL)
