"""A process of a training on several machines.

    TF_CONFIG=... python -m pipelines.training_worker

on every machine but the chief's waits for the chief, is told by it what to
train, takes part, and ends with it; once a training, so that it is to be
started anew for the next one. The chief's process is started by the Trainer of
the pipeline, with `train.strategy=multi_worker` and a TF_CONFIG of its own.

All read the images from where the pipeline has put them: its folders must be
reached by the same paths from every machine. All run the same code.

What takes part is a process of `distributed.process`, started here and ended
with this one, which stays without TensorFlow: that would keep SIGTERM to
itself.
"""

import argparse
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipelines.training.distributed.log_lines import (
    read_our_line,
    show_our_lines,
)
from pipelines.training.distributed.tf_config import read_chief, read_task

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs

_TOLD = (
    "train_files",
    "eval_files",
    "serving_model_dir",
    "model_run_dir",
    "base_model",
    "hyperparameters",
    "custom_config",
)
_SHOWN_OF_FAILURE = 20

# Run as a command, this module has another name.
logger = logging.getLogger("pipelines.training_worker")


def run_fn(fn_args: "FnArgs") -> None:
    """Trains as `training.trainer.run_fn` does, as the chief of others.

    Args:
        fn_args: from TFX.

    Raises:
        ValueError: where TF_CONFIG is missing, or does not make this the
            chief.
        RuntimeError: where the training fails, on any of the machines.
    """
    # A worker's own process comes without TensorFlow.
    from pipelines.training import trainer

    if not trainer.is_trained(trainer.train_config(fn_args)):
        trainer.run_fn(fn_args)
        return
    read_chief()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as job:
        job.write(_to_json(fn_args))
        job.flush()
        _run_chief(job.name)


def main(argv: list[str] | None = None) -> int:
    """Takes part in a training.

    Args:
        argv: arguments; the process's own when `None`.

    Returns:
        Exit status: 0 when the training came to its end.
    """
    argparse.ArgumentParser(
        prog="python -m pipelines.training_worker",
        description="Takes part in a training that the pipeline starts. "
        "TF_CONFIG says who the others are.",
    ).parse_args(argv)
    try:
        if read_task().is_chief:
            raise ValueError(
                "TF_CONFIG makes this process the chief, which the Trainer of "
                "the pipeline starts. The others have another index in it."
            )
    except ValueError as error:
        logger.error("%s", error)
        return 1
    with _process() as process:
        status = process.wait()
    # As shells have it, for one that a signal has ended.
    return status if status >= 0 else 128 - status


def _run_chief(job_path: str) -> None:
    """Starts the chief's process, and says what it says."""
    lines, errors = [], []
    with _process(
        "--job",
        job_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
    ) as process:
        for line in process.stdout:
            lines = [*lines, line.rstrip()][-_SHOWN_OF_FAILURE:]
            level, message = read_our_line(line) or (logging.NOTSET, "")
            if level >= logging.ERROR:
                # Said once, by the error that it becomes.
                errors.append(message)
            elif level:
                logger.log(level, "%s", message)
        status = process.wait()
    if status:
        reason = "\n".join(errors or ["The last lines were:", *lines])
        raise RuntimeError(
            f"The chief of the training ended with status {status}. {reason}"
        )


@contextlib.contextmanager
def _process(*arguments: str, **options: Any) -> Iterator[subprocess.Popen]:
    """Starts what takes part, and leaves none of it behind."""
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pipelines.training.distributed.process",
            f"--parent={os.getpid()}",
            *arguments,
        ],
        stdin=subprocess.DEVNULL,
        **options,
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def _to_json(fn_args: "FnArgs") -> str:
    told: dict[str, Any] = {name: getattr(fn_args, name) for name in _TOLD}
    return json.dumps(told)


def _end(number: int, _) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The first process of a container is ended by what it listens to alone.
    signal.signal(signal.SIGTERM, _end)
    show_our_lines()
    sys.exit(main())
