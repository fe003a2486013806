"""One process at a time publishes a model, wherever it was started.

The system releases the lock of a process when it ends, however it ends.
"""

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterator
from typing import IO

from keras_dvml.whole_files import (
    delete_unfinished,
    full_path,
    is_uri,
    make_folders,
)

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def only_publisher_of(*model_dirs: str | os.PathLike) -> Iterator[None]:
    """Waits until nobody else publishes the models, and keeps others out.

    Whoever is inside alone chooses the next version, writes all flavours of
    it or deletes what others have left half-written. `serving.export`,
    `serving.publish_all` and the pipeline do so themselves: who calls them
    must not be inside. What killed publishers have left half-written among the
    versions is deleted first. Where no lock can be had, as in an object store
    or on a file system without locks, a warning is logged and nobody waits; of
    two that choose the same version, the later one fails and leaves nothing,
    or, in a store, replaces the other's files.

    Args:
        *model_dirs: Folders of versions, which need not exist. Those of the
            flavours, `birds` and `birds-scann`, are of one model, whose lock
            is the file `.birds.lock` beside them.
    """
    models = {
        (
            full_path(model_dir)
            if is_uri(model_dir)
            else os.path.realpath(model_dir)
        ).removesuffix("-scann")
        for model_dir in model_dirs
    }
    with contextlib.ExitStack() as files:
        # In one order, or two could wait for each other.
        for model in sorted(models):
            if is_uri(model):
                logger.warning(
                    "Publishing %s without a lock: object stores have none",
                    model,
                )
                continue
            folder, name = os.path.split(model)
            make_folders(folder)
            try:
                path = os.path.join(folder, f".{name}.lock")
                _wait_for(files.enter_context(open(path, "ab")), model)
            except OSError as error:
                logger.warning("Publishing %s without a lock: %s", model, error)
            else:
                delete_unfinished(model, f"{model}-scann")
        yield


def _wait_for(file: IO, model: str) -> None:
    if not _lock(file):
        logger.warning("Waiting for another publisher of %s", model)
        while not _lock(file):
            time.sleep(0.1)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _lock(file: IO) -> bool:
        """Locks a file; `False` where another process has it locked."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
