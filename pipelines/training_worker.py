"""A process of a training on several machines.

    TF_CONFIG=... python -m pipelines.training_worker

on every machine but the chief's waits for the chief, is told by it what to
train, takes part, and ends with it; once a training, so that it is to be
started anew for the next one. The chief's process is started by the Trainer of
the pipeline, with `train.strategy=multi_worker` and a TF_CONFIG of its own.

All read the images from where the pipeline has put them: its folders must be
reached by the same paths from every machine.
"""

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from typing import Any

from tfx.components.trainer.fn_args_utils import FnArgs

from pipelines import trainer
from pipelines.strategies import build_strategy, task_of, text_of_chief
from pipelines.tf_config import read_chief, read_task

_TOLD = (
    "train_files",
    "eval_files",
    "serving_model_dir",
    "model_run_dir",
    "base_model",
    "hyperparameters",
    "custom_config",
)
# What our own lines begin with, among those of libraries.
_OURS = "training: "
_SHOWN_OF_FAILURE = 20

# Run as a command, this module has another name.
logger = logging.getLogger("pipelines.training_worker")


def run_fn(fn_args: FnArgs) -> None:
    """Trains as `pipelines.trainer.run_fn` does, as the chief of others.

    In a process of its own: what takes part in such a training must do so
    before anything else with TensorFlow, and ends where another of them does.

    Args:
        fn_args: from TFX.

    Raises:
        ValueError: where TF_CONFIG is missing, or does not make this the
            chief.
        RuntimeError: where the process fails.
    """
    if not trainer.is_trained(trainer.train_config(fn_args)):
        trainer.run_fn(fn_args)
        return
    task = read_chief()
    logger.info(
        "Waiting for the %d other workers that TF_CONFIG names.",
        task.num_tasks - 1,
    )
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
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.training_worker",
        description="Takes part in a training that the pipeline starts. "
        "TF_CONFIG says who the others are.",
    )
    parser.add_argument("--job", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    try:
        _take_part(args.job)
    except ValueError as error:
        logger.error("%s", error)
        return 1
    return 0


def _show_our_lines() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter(f"{_OURS}%(message)s"))
    for name in ("pipelines", "keras_dvml"):
        ours = logging.getLogger(name)
        ours.addHandler(handler)
        ours.setLevel(logging.INFO)
        # Libraries have handlers of their own, which would say it again.
        ours.propagate = False


def _take_part(job_path: str | None) -> None:
    job = ""
    if job_path:
        threading.Thread(target=_end_with_parent, daemon=True).start()
        with open(job_path, encoding="utf-8") as file:
            job = file.read()
    elif read_task().is_chief:
        raise ValueError(
            "TF_CONFIG makes this process the chief, which the Trainer of the "
            "pipeline starts. The others have another index in it."
        )
    strategy = build_strategy("multi_worker")
    fn_args = FnArgs(**json.loads(text_of_chief(strategy, job)))
    if not task_of(strategy).is_chief:
        logger.info("Training for %s", fn_args.serving_model_dir)
    trainer.run_fn(fn_args, strategy)


def _run_chief(job_path: str) -> None:
    """Starts the chief's process, and shows what it says."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, "--job", job_path],
        # Its end tells the process of ours, however that comes.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
    )
    lines = []
    with process:
        try:
            for line in process.stdout:
                lines = [*lines, line.rstrip()][-_SHOWN_OF_FAILURE:]
                if line.startswith(_OURS):
                    logger.info("%s", line.removeprefix(_OURS).rstrip())
            status = process.wait()
        except BaseException:
            process.kill()
            raise
    if status:
        raise RuntimeError(
            f"The chief of the training ended with status {status}. Where "
            "another worker has failed, its own screen says why. The last "
            "lines were:\n" + "\n".join(lines)
        )


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _to_json(fn_args: FnArgs) -> str:
    told: dict[str, Any] = {name: getattr(fn_args, name) for name in _TOLD}
    return json.dumps(told)


if __name__ == "__main__":
    # Ctrl-C ends the wait, which is TensorFlow's and does not hear Python.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _show_our_lines()
    sys.exit(main())
