"""Where a training keeps its state, until its model is written.

A step that runs again, after it was killed, gets new folders for what comes
out of it. So the state lies apart from those, under a name that follows from
all that the training depends on.
"""

import contextlib
import hashlib
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Iterator

import tensorflow as tf
from tfx.dsl.io import fileio

from pipelines.artifacts.files import read_bytes
from pipelines.artifacts.remote_folders import copy_folder, is_remote
from pipelines.training.job import TrainingJob
from pipelines.training.strategies import (
    task_of,
    texts_of_all,
    wait_for_all,
)

#: The folder of all states below the root of a pipeline.
CHECKPOINTS = "unfinished_trainings"
_FINISHED = "finished"
_KEPT_SECONDS = 30 * 24 * 3600


@contextlib.contextmanager
def checkpoint_folder(
    job: TrainingJob, strategy: tf.distribute.Strategy
) -> Iterator[str | None]:
    """Gives a folder for the state of a training.

    Of the processes of a training the chief alone keeps it. The others begin
    with a copy of what it has. When all went well it is deleted, in a local
    root not before `delete_finished_checkpoints`: until then the records may
    lose the step.

    Args:
        job: the training.
        strategy: it runs under.

    Yields:
        Path or URI; `None` where the caller named no place for states.

    Raises:
        ValueError: where processes of a training see different states.
    """
    if not job.checkpoint_root:
        yield None
        return
    # What comes out may go elsewhere.
    depended_on = job.to_json(without=("serving_uri", "run_uri"))
    name = hashlib.sha256(depended_on.encode()).hexdigest()[:16]
    kept = os.path.join(job.checkpoint_root, name)
    _check_same_state(kept, strategy)
    if not task_of(strategy).is_chief:
        with tempfile.TemporaryDirectory() as folder:
            if fileio.exists(kept):
                copy_folder(kept, folder)
            # The chief changes it from its first step on.
            wait_for_all(strategy)
            yield folder
        return
    wait_for_all(strategy)
    yield kept
    if not fileio.exists(kept):
        return
    if is_remote(kept):
        fileio.rmtree(kept)
    else:
        pathlib.Path(kept, _FINISHED).touch()


def delete_finished_checkpoints(root: pathlib.Path) -> None:
    """Deletes states of trainings whose models are recorded, or that are old.

    Args:
        root: holds the states of all trainings; it need not exist.
    """
    oldest = time.time() - _KEPT_SECONDS
    for folder in root.glob("*"):
        if (folder / _FINISHED).exists() or folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def _check_same_state(kept: str, strategy: tf.distribute.Strategy) -> None:
    digest = hashlib.sha256()
    names = fileio.listdir(kept) if fileio.exists(kept) else []
    for name in sorted(map(str, names)):
        digest.update(read_bytes(kept, name))
    if len(set(texts_of_all(strategy, digest.hexdigest()))) > 1:
        raise ValueError(
            "All processes of a training must see the same state of it; "
            f"received different ones in {kept}: is that one folder for all?"
        )
