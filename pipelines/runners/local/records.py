"""The records of earlier runs, and the outputs that they know.

Read without TFX, which takes 20 seconds to import.
"""

# The classes of protocol buffers are made as they are loaded.
# pyright: reportAttributeAccessIssue=false

import contextlib
import errno
import json
import logging
import os
import pathlib
import shutil
import sqlite3
from collections.abc import Iterator
from typing import Any

from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2
from ml_metadata.proto.metadata_store_pb2 import Execution

_SUCCESSFUL = (Execution.COMPLETE, Execution.CACHED)

# Less than this is no room for records: their pages and their journal.
_ROOM = 2**20

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def rollback_on_failure(
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


def delete_unfinished(path: pathlib.Path, pipeline_root: pathlib.Path) -> None:
    """Deletes the outputs of executions that did not succeed.

    Nobody reads them: a step that runs again writes below a number of its
    own. Outputs that the records do not know are left alone.

    Args:
        path: of the SQLite file; it need not exist.
        pipeline_root: holds `<step>/<output>/<execution>` and
            `<step>/.system/executor_execution/<execution>`; nobody else may be
            running below it.
    """
    store = _store(path)
    unfinished = {
        str(execution.id)
        for execution in (store.get_executions() if store else ())
        if execution.last_known_state not in _SUCCESSFUL
    }
    # What a step writes lies in the first, where it works in the second.
    for pattern in ("*/*/*", "*/.system/executor_execution/*"):
        for folder in pipeline_root.glob(pattern):
            if folder.name in unfinished:
                shutil.rmtree(folder)


def forget_lost_pushes(pipeline_root: pathlib.Path) -> None:
    """Lets the Pusher run again where what it pushed has been deleted.

    TFX reuses a step's outputs as long as they exist; what was published
    lies elsewhere, so its absence must be made visible.

    Args:
        pipeline_root: holds `<step>/<output>/<execution>`.
    """
    for push_file in pipeline_root.glob("Pusher/pushed_model/*/push.json"):
        push = json.loads(push_file.read_text())
        if not all(os.path.isdir(path) for path in push.values()):
            shutil.rmtree(push_file.parent)


def last_parameters(path: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Reads the parameters that steps had when they last succeeded.

    Args:
        path: of the SQLite file; it need not exist.

    Returns:
        Step id to name to value, as the plan of a run gives them to the step.
    """
    found = {}
    store = _store(path)
    if store is None:
        return {}
    for node in store.get_contexts_by_type("node"):
        # The name of the pipeline may hold a dot, that of a step does not.
        step = node.name.rpartition(".")[2]
        executions = store.get_executions_by_context(node.id)
        # In the order they ran, so that the last one stays.
        for execution in sorted(executions, key=lambda e: e.id):
            if execution.last_known_state in _SUCCESSFUL:
                found[step] = {
                    name: getattr(value, value.WhichOneof("value"))
                    for name, value in execution.custom_properties.items()
                }
    return found


def _store(path: pathlib.Path) -> metadata_store.MetadataStore | None:
    if not path.exists():
        return None
    _check_readable(path)
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    try:
        return metadata_store.MetadataStore(config)
    except errors.StatusError as error:
        raise _unreadable(path, error) from error


def _check_readable(path: pathlib.Path) -> None:
    """Raises where SQLite finds a file broken, in a sentence.

    ML Metadata would tell of the query that failed, in hundreds of letters.
    """
    try:
        with contextlib.closing(sqlite3.connect(path)) as records:
            (found,) = records.execute("pragma quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        raise _unreadable(path, error) from error
    if found != "ok":
        raise _unreadable(path, found)


def _unreadable(path: pathlib.Path, reason: object) -> ValueError:
    words = " ".join(str(reason).split())[:150]
    return ValueError(
        f"{path} cannot be read as the records of earlier runs ({words}). Move "
        "it away and start the same command again: every step then runs anew. "
        "What was published stays as it is"
    )


def _outputs(pipeline_root: pathlib.Path) -> Iterator[pathlib.Path]:
    return (path for path in pipeline_root.glob("*/*/*") if path.name.isdigit())


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
