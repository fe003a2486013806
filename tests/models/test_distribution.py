"""Losses see the pairs of the global batch, however it is split."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

import keras_dvml as kd

SCRIPT = pathlib.Path(__file__).parent / "distributed_step.py"
LOSSES = sorted(
    name
    for name in vars(kd.losses)
    if name.endswith("Loss") and name not in ("MetricLoss", "ProxyLoss")
)
CASES = [
    *(f"EmbeddingModel:{loss}" for loss in LOSSES),
    "DVML:NPairLoss",
    "UDML:MultiSimilarityLoss",
    "VariationalUDML:NPairLoss",
]


def start(mode, **environment):
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", SCRIPT, mode, *CASES],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
    )


def results_of(process):
    output, errors = process.communicate(timeout=500)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(output.splitlines()[-1])


def assert_same_step(one, other):
    # Rounding grows with the scale of a loss: circle's is about 80.
    tolerance = 1e-5 * max(1.0, abs(other["loss"]))
    assert one["loss"] == pytest.approx(other["loss"], abs=tolerance)
    for change, expected in zip(one["changes"], other["changes"], strict=True):
        np.testing.assert_allclose(change, expected, rtol=0, atol=tolerance)


@pytest.fixture(scope="module")
def whole():
    return results_of(start("whole"))


@pytest.fixture(scope="module")
def mirrored():
    return results_of(start("mirrored"))


@pytest.mark.parametrize("case", CASES)
def test_two_replicas_step_as_one_with_the_whole_batch(case, mirrored, whole):
    assert_same_step(mirrored[case], whole[case])


def free_ports(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def workers():
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    processes = [
        start(
            "multi_worker",
            TF_CONFIG=json.dumps(
                {
                    "cluster": {"worker": addresses},
                    "task": {"type": "worker", "index": index},
                }
            ),
        )
        for index in range(2)
    ]
    return [results_of(process) for process in processes]


@pytest.mark.parametrize("case", CASES)
def test_two_processes_step_as_one_with_the_whole_batch(case, workers, whole):
    for results in workers:
        assert_same_step(results[case], whole[case])
