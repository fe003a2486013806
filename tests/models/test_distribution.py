"""Losses see the pairs of the global batch, however it is split."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = pathlib.Path(__file__).parent / "distributed_step.py"
CASES = pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("EmbeddingModel", "ContrastiveLoss"),
        ("EmbeddingModel", "TripletSemiHardLoss"),
        ("EmbeddingModel", "NPairLoss"),
        ("EmbeddingModel", "MultiSimilarityLoss"),
        ("DVML", "NPairLoss"),
    ],
)


def start(mode, kind, loss, **environment):
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", SCRIPT, mode, kind, loss],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
    )


def result_of(process):
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(output.splitlines()[-1])


def assert_same_step(one, other):
    assert one["loss"] == pytest.approx(other["loss"], abs=1e-5)
    for change, expected in zip(one["changes"], other["changes"], strict=True):
        np.testing.assert_allclose(change, expected, atol=1e-5)


@CASES
def test_two_replicas_step_as_one_with_the_whole_batch(kind, loss):
    split = start("mirrored", kind, loss)
    whole = start("whole", kind, loss)
    assert_same_step(result_of(split), result_of(whole))


def free_ports(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.mark.parametrize(
    ("kind", "loss"),
    [("EmbeddingModel", "TripletSemiHardLoss"), ("DVML", "NPairLoss")],
)
def test_two_processes_step_as_one_with_the_whole_batch(kind, loss):
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    workers = [
        start(
            "multi_worker",
            kind,
            loss,
            TF_CONFIG=json.dumps(
                {
                    "cluster": {"worker": addresses},
                    "task": {"type": "worker", "index": index},
                }
            ),
        )
        for index in range(2)
    ]
    results = [result_of(worker) for worker in workers]
    whole = result_of(start("whole", kind, loss))
    for result in results:
        assert_same_step(result, whole)
