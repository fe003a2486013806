"""Forgets what steps wrote that were killed before they had finished."""

import pathlib
import shutil

from tfx.orchestration import metadata
from tfx.orchestration.portable.mlmd import execution_lib


def delete_unfinished(
    pipeline_root: pathlib.Path, connection: metadata.ConnectionConfigType
) -> None:
    """Deletes the outputs of executions that did not succeed.

    Nobody reads them: a step that runs again writes below a number of its
    own. Outputs that the records do not know are left alone.

    Args:
        pipeline_root: holds `<step>/<output>/<execution>` and
            `<step>/.system/executor_execution/<execution>`; nobody else may be
            running below it.
        connection: to the records.
    """
    with metadata.Metadata(connection) as handle:
        unfinished = {
            str(execution.id)
            for execution in handle.store.get_executions()
            if not execution_lib.is_execution_successful(execution)
        }
    # What a step writes lies in the first, where it works in the second.
    for pattern in ("*/*/*", "*/.system/executor_execution/*"):
        for folder in pipeline_root.glob(pattern):
            if folder.name in unfinished:
                shutil.rmtree(folder)
