"""Where a training keeps its state, until its model is written.

A step that runs again, after it was killed, gets new folders for what comes
out of it. So the state lies apart from those, under a name that follows from
all that the training depends on.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator

import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio

from pipelines.remote_folders import copy_folder
from pipelines.strategies import task_of

#: Key of `custom_config`: the folder that holds the states of all trainings.
CHECKPOINT_ROOT = "checkpoint_root"
#: Its name below the root of a pipeline.
CHECKPOINTS = "unfinished_trainings"
_DEPENDED_ON = (
    "train_files",
    "eval_files",
    "base_model",
    "hyperparameters",
    "custom_config",
)


@contextlib.contextmanager
def checkpoint_folder(
    fn_args: FnArgs, strategy: tf.distribute.Strategy
) -> Iterator[str | None]:
    """Gives a folder for the state of a training; deleted when all went well.

    Of the processes of a training the chief alone keeps it. The others begin
    with a copy of what it has.

    Args:
        fn_args: of the training.
        strategy: it runs under.

    Yields:
        Path or URI; `None` where the caller named no place for states.
    """
    root = fn_args.custom_config.get(CHECKPOINT_ROOT)
    if not root:
        yield None
        return
    kept = os.path.join(root, _name(fn_args))
    if not task_of(strategy).is_chief:
        with tempfile.TemporaryDirectory() as folder:
            if fileio.exists(kept):
                copy_folder(kept, folder)
            yield folder
        return
    yield kept
    if fileio.exists(kept):
        fileio.rmtree(kept)


def _name(fn_args: FnArgs) -> str:
    depended_on = {name: getattr(fn_args, name) for name in _DEPENDED_ON}
    text = json.dumps(depended_on, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
