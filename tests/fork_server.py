"""Run in a process of its own: new processes that begin with TensorFlow.

To import TensorFlow takes longer than what most tests do in a new process. So
one process imports it, does nothing with it, and forks for each of them.

Reads requests from standard input, a JSON object a line: `code`, `arguments`,
`environment` and the files `stdout` and `stderr`. Answers with a line each:
the exit code.
"""

import json
import os
import sys

import keras  # noqa: F401
import tensorflow as tf  # noqa: F401


def become(code, arguments, environment, stdout, stderr):
    """Goes on as `python -c code *arguments` would."""
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, path in enumerate((os.devnull, stdout, stderr)):
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(file, descriptor)
        os.close(file)
    sys.argv = ["-c", *arguments]
    exec(compile(code, "-c", "exec"), {"__name__": "__main__"})


for line in sys.stdin:
    process = os.fork()
    if not process:
        become(**json.loads(line))
        break
    status = os.waitpid(process, 0)[1]
    print(os.waitstatus_to_exitcode(status), flush=True)
