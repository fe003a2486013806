"""The records of a pipeline's runs, kept whole where they cannot be written."""

import contextlib
import errno
import logging
import os
import pathlib
import shutil
from collections.abc import Iterator

from ml_metadata import errors

# Less than this is no room for records: their pages and their journal.
_ROOM = 2**20

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def whole_records(
    path: pathlib.Path, pipeline_root: pathlib.Path
) -> Iterator[None]:
    """Lets a step fail without a trace where its records cannot be written.

    On a full disk SQLite takes a transaction back, and ML Metadata writes on,
    row by row: a step that failed may then look like one that is complete, with
    outputs of another. So the records of before are put back, and what the step
    had written is deleted.

    Args:
        path: of the SQLite file; it need not exist.
        pipeline_root: holds `<step>/<output>/<execution>`.

    Raises:
        OSError: where the disk is full.
    """
    before = path.read_bytes() if path.exists() else None
    folders = set(_outputs(pipeline_root))
    try:
        yield
    except errors.StatusError as error:
        logger.warning(
            "The records could not be written (%s): what the step had written "
            "is deleted, and it will run again.",
            error,
        )
        is_full = shutil.disk_usage(path.parent).free < _ROOM
        _put_back(path, before)
        for folder in set(_outputs(pipeline_root)) - folders:
            shutil.rmtree(folder, ignore_errors=True)
        if is_full:
            raise OSError(
                errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)
            ) from error
        raise


def _outputs(pipeline_root: pathlib.Path) -> Iterator[pathlib.Path]:
    return (one for one in pipeline_root.glob("*/*/*") if one.name.isdigit())


def _put_back(path: pathlib.Path, before: bytes | None) -> None:
    # Else it would be applied to the records of before.
    pathlib.Path(f"{path}-journal").unlink(missing_ok=True)
    if before is None:
        path.unlink(missing_ok=True)
        return
    # In place: there is no room for another file, and there is for this one,
    # which SQLite never makes shorter.
    with open(path, "r+b") as file:
        file.write(before)
        file.truncate()
        os.fsync(file.fileno())
