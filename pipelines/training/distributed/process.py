"""One process of a training on several machines; `chief` starts it.

It is separate because it must join before it uses TensorFlow for anything
else, and because it ends when another one does. TensorFlow provides that: each
process reports to the chief every few seconds, and where one is silent for
ten, what the others wait for fails.
"""

import argparse
import ctypes
import importlib.metadata
import json
import logging
import os
import pathlib
import re
import signal
import sys

import tensorflow as tf

from pipelines.artifacts.fingerprint import code_fingerprint
from pipelines.training import trainer
from pipelines.training.distributed.log_lines import log_to_stdout
from pipelines.training.job import TrainingJob
from pipelines.training.strategies import (
    build_strategy,
    task_of,
    texts_of_all,
)
from pipelines.training.tf_config import others_named_in, task_names

_SHOWN_LIBRARIES = ("tensorflow", "keras", "numpy")

# Run as a command, this module has another name.
logger = logging.getLogger("pipelines.training.distributed.process")


def main(argv: list[str] | None = None) -> int:
    """Takes part in a training, for as long as the parent process lives.

    Args:
        argv: arguments; the process's own when `None`.

    Returns:
        Exit status: 0 when the training came to its end.

    Raises:
        Exception: what this process alone knows of, to be shown in full.
    """
    parser = argparse.ArgumentParser(
        prog="pipelines.training.distributed.process"
    )
    parser.add_argument("--job", help="file with what to train; the chief's")
    parser.add_argument("--parent", type=int, help="process to end with")
    args = parser.parse_args(argv)
    if args.parent:
        _end_with(args.parent)
    try:
        join_training(args.job)
    except ValueError as error:
        logger.error("%s", error)
        return 1
    except tf.errors.OpError as error:
        gone = others_named_in(str(error))
        if not gone:
            raise
        logger.error(
            "Lost %s, which has failed or was ended: see its own screen. "
            "TensorFlow says: %s",
            " and ".join(gone),
            re.sub(r"{{.*?}} ", "", error.message.partition("\n")[0]),
        )
        return 1
    return 0


def check_same_code(codes: list[dict[str, str]]) -> None:
    """Refuses processes that would not train alike.

    Args:
        codes: what each process runs, by name, the chief's first.

    Raises:
        ValueError: where one runs something else than the chief.
    """
    others = [
        f"{name} has "
        + ", ".join(
            f"{what} {code[what]}, not {expected}"
            for what, expected in codes[0].items()
            if code[what] != expected
        )
        for name, code in zip(task_names(), codes, strict=True)
        if code != codes[0]
    ]
    if others:
        raise ValueError(
            "All processes of a training must run the same code with the same "
            f"libraries. Unlike the chief, {'; '.join(others)}. Start it from "
            "the chief's image, or the same commit and requirements."
        )


def join_training(job_path: str | None) -> None:
    """Waits for all processes of a training, and trains what the chief does.

    Args:
        job_path: file of a `TrainingJob`, for the chief; else `None`.
    """
    job = pathlib.Path(job_path).read_text("utf-8") if job_path else None
    # TensorFlow waits in silence.
    logger.info("Waiting for all of %s", ", ".join(task_names()))
    strategy = build_strategy("multi_worker")
    own = json.dumps({"code": _own_code(), "job": job})
    messages = [json.loads(text) for text in texts_of_all(strategy, own)]
    check_same_code([message["code"] for message in messages])
    job = TrainingJob.from_json(messages[0]["job"])
    if not task_of(strategy).is_chief:
        logger.info("Training for %s", job.serving_uri)
    trainer.train(job, strategy)


def _own_code() -> dict[str, str]:
    code = {name: importlib.metadata.version(name) for name in _SHOWN_LIBRARIES}
    # Other libraries, which also count, are known by it alone.
    code["code"] = code_fingerprint("pipelines.training.distributed.process")
    return code


def _end_with(parent: int) -> None:
    """Lets Linux end this process as soon as its parent ends.

    Nothing in Python could: TensorFlow waits for other processes for as long
    as it takes, and lets no other thread run meanwhile.
    """
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of linux/prctl.h
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        # It was gone already.
        os._exit(1)


if __name__ == "__main__":
    # TensorFlow waits without hearing Python, and keeps SIGTERM to itself.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    log_to_stdout()
    sys.exit(main())
