"""Who this process is among those of a training, by TF_CONFIG.

TensorFlow is not imported, so that a wrong TF_CONFIG is reported at once.
"""

import json
import os
import re
from typing import NamedTuple

TF_CONFIG = "TF_CONFIG"
_EXAMPLE = (
    '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
# How TensorFlow's errors name a process.
_NAMED = re.compile(r"/job:(\w+)/(?:replica:\d+/)?task:(\d+)")


class Task(NamedTuple):
    """This process among those of a training.

    Attributes:
        number: 0 for the chief, which writes what comes out.
        num_tasks: processes in all.
    """

    number: int = 0
    num_tasks: int = 1

    @property
    def is_chief(self) -> bool:
        """Whether it is this process that writes."""
        return self.number == 0


def read_task() -> Task:
    """Reads from TF_CONFIG which of the processes this one is.

    As TensorFlow has it, the chief is the task of type `chief`, or where there
    is none the worker with index 0.

    Raises:
        ValueError: where TF_CONFIG is missing or cannot be understood.

    Example:
        >>> workers = {"worker": ["host1:2222", "host2:2222"]}
        >>> task = {"type": "worker", "index": 1}
        >>> os.environ["TF_CONFIG"] = json.dumps(
        ...     {"cluster": workers, "task": task}
        ... )
        >>> read_task()
        Task(number=1, num_tasks=2)
        >>> del os.environ["TF_CONFIG"]
    """
    task, _ = _read()
    return task


def read_chief() -> Task:
    """Reads TF_CONFIG as `read_task` does, for a process that runs a pipeline.

    Raises:
        ValueError: where it is missing or cannot be understood, or makes
            another process the chief.
    """
    task = read_task()
    if not task.is_chief:
        raise ValueError(
            "TF_CONFIG makes this process another worker than the chief, "
            "which runs the pipeline. Did you mean "
            "`python -m pipelines.training_worker`?"
        )
    return task


def task_names() -> list[str]:
    """Returns what people call the processes, in the order of their numbers.

    Raises:
        ValueError: where TF_CONFIG is missing or cannot be understood.
    """
    _, addresses = _read()
    return [
        f"{kind} {index} ({address})"
        for (kind, index), address in addresses.items()
    ]


def others_named_in(text: str) -> list[str]:
    """Returns which processes an error of TensorFlow names, but for this one.

    Args:
        text: of the error.

    Returns:
        Names as of `task_names`.

    Raises:
        ValueError: where TF_CONFIG is missing or cannot be understood.

    Example:
        >>> workers = {"worker": ["host1:2222", "host2:2222"]}
        >>> task = {"type": "worker", "index": 0}
        >>> os.environ["TF_CONFIG"] = json.dumps(
        ...     {"cluster": workers, "task": task}
        ... )
        >>> others_named_in("Task /job:worker/replica:0/task:1 timeout")
        ['worker 1 (host2:2222)']
        >>> del os.environ["TF_CONFIG"]
    """
    task, addresses = _read()
    found = {(kind, int(index)) for kind, index in _NAMED.findall(text)}
    named = zip(addresses, task_names(), strict=True)
    return [
        name
        for number, (one, name) in enumerate(named)
        if one in found and number != task.number
    ]


def _read() -> tuple[Task, dict[tuple[str, int], str]]:
    """Returns this process, and the addresses of all, the chief's first."""
    text = os.environ.get(TF_CONFIG, "")
    if not text:
        raise ValueError(
            "train.strategy=multi_worker needs the environment variable "
            f"TF_CONFIG, such as {_EXAMPLE}; received none. For all devices "
            "of this machine alone, did you mean train.strategy=mirrored?"
        )
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        addresses = {
            (kind, index): address
            for kind in ("chief", "worker")
            for index, address in enumerate(cluster.get(kind, ()))
        }
        number = list(addresses).index((task["type"], int(task["index"])))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            "TF_CONFIG must be JSON that names the addresses of all workers, "
            f"and one of them as this task, such as {_EXAMPLE}; received "
            f"{text}"
        ) from error
    return Task(number, len(addresses)), addresses
