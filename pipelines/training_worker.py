"""A process of a training on several machines.

    TF_CONFIG=... python -m pipelines.training_worker

on every machine but the chief's waits for the chief, receives from it what to
train, takes part, and ends with it; once a training, so that it is to be
started anew for the next one. The chief's process is started by the Trainer of
the pipeline, with `train.strategy=multi_worker` and a TF_CONFIG of its own.

All read the images from where the pipeline has put them: its folders must be
reached by the same paths from every machine. All run the same code.
"""

import argparse
import logging
import signal
import sys

from pipelines.training.distributed.chief import training_process
from pipelines.training.distributed.log_lines import log_to_stdout
from pipelines.training.tf_config import read_task

# Run as a command, this module has another name.
logger = logging.getLogger("pipelines.training_worker")


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
        "TF_CONFIG names the others.",
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
    with training_process() as process:
        status = process.wait()
    # As shells have it, for one that a signal has ended.
    return status if status >= 0 else 128 - status


def _end(number: int, _: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The first process of a container is ended by what it listens to alone.
    signal.signal(signal.SIGTERM, _end)
    log_to_stdout()
    sys.exit(main())
