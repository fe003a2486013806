"""The chief's side of a training on several machines, and how to join one.

What joins is a process of its own, started here and ended with this one, which
stays without TensorFlow: that would keep SIGTERM to itself.
"""

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipelines.training.distributed.log_lines import parse_log_line
from pipelines.training.tf_config import read_chief

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs

_SHOWN_OF_FAILURE = 20

logger = logging.getLogger(__name__)


def run_fn(fn_args: "FnArgs") -> None:
    """Trains what TFX's Trainer asks for, as the chief of several processes.

    Args:
        fn_args: see `TrainingJob.from_fn_args`.

    Raises:
        ValueError: where TF_CONFIG is missing, or does not make this the
            chief.
        RuntimeError: where the training fails, on any of the machines.
    """
    # A worker's own process comes without TensorFlow.
    from pipelines.training import trainer
    from pipelines.training.job import TrainingJob

    job = TrainingJob.from_fn_args(fn_args)
    if not job.is_trained:
        trainer.run_fn(fn_args)
        return
    read_chief()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(job.to_json())
        file.flush()
        _run_chief(file.name)


@contextlib.contextmanager
def training_process(
    *arguments: str, **options: Any
) -> Iterator[subprocess.Popen]:
    """Starts a process that joins a training, and leaves none of it behind.

    Args:
        *arguments: of `pipelines.training.distributed.process`.
        **options: of `subprocess.Popen`.
    """
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


def _run_chief(job_path: str) -> None:
    """Starts the chief's process, and logs what it logs."""
    lines, errors = [], []
    with training_process(
        "--job",
        job_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
    ) as process:
        for line in process.stdout or ():
            lines = [*lines, line.rstrip()][-_SHOWN_OF_FAILURE:]
            level, message = parse_log_line(line) or (logging.NOTSET, "")
            if level >= logging.ERROR:
                # Logged once, by the error that it becomes.
                errors.append(message)
            elif level:
                logger.log(level, "%s", message)
        status = process.wait()
    if status:
        reason = "\n".join(errors or ["The last lines were:", *lines])
        raise RuntimeError(
            f"The chief of the training ended with status {status}. {reason}"
        )
