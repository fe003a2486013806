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
    for name in kd.losses.__all__
    if name.endswith("Loss")
    and name not in ("MetricLoss", "PairLoss", "ProxyLoss")
)
CASES = [
    *(f"EmbeddingModel:{loss}" for loss in LOSSES),
    "EmbeddingModel:CrossBatchMemory",
    "DVML:NPairLoss",
    "UDML:MultiSimilarityLoss",
    "VariationalUDML:NPairLoss",
]
# With it every kind of term is split.
USUAL = ("VariationalUDML:NPairLoss",)


def assert_same_step(split, whole):
    # Rounding grows with the scale of a loss: circle's is about 80.
    tolerance = 1e-5 * max(1.0, abs(whole["loss"]))
    assert split["loss"] == pytest.approx(whole["loss"], abs=tolerance)
    for change, expected in zip(
        split["changes"], whole["changes"], strict=True
    ):
        np.testing.assert_allclose(change, expected, rtol=0, atol=tolerance)


@pytest.fixture
def step(run_forked):
    def run(mode, case):
        printed = run_forked(SCRIPT.read_text(), mode, case)
        return json.loads(printed.splitlines()[-1])[case]

    return run


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=() if case in USUAL else pytest.mark.slow)
        for case in CASES
    ],
)
def test_two_replicas_step_as_one_with_the_whole_batch(case, step):
    assert_same_step(step("mirrored", case), step("whole", case))


def free_ports(number):
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


def start(tf_config, output):
    # Into files: no process ends before both have, and one that filled a
    # pipe would wait until it is read.
    with open(output, "w") as stdout, open(f"{output}.log", "w") as stderr:
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", SCRIPT, "multi_worker", *CASES],
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, "TF_CONFIG": json.dumps(tf_config)},
        )


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    outputs = [tmp_path_factory.mktemp("worker") / "output" for _ in range(2)]
    processes = [
        start(
            {"cluster": cluster, "task": {"type": "worker", "index": i}}, path
        )
        for i, path in enumerate(outputs)
    ]
    try:
        for process, output in zip(processes, outputs, strict=True):
            log = output.with_name("output.log")
            assert process.wait(500) == 0, log.read_text()[-3000:]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return [json.loads(path.read_text().splitlines()[-1]) for path in outputs]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_processes_step_as_one_with_the_whole_batch(case, workers, step):
    whole = step("whole", case)
    for results in workers:
        assert_same_step(results[case], whole)


@pytest.mark.slow
def test_batches_that_replicas_share_unevenly_count_as_on_one(run_forked):
    script = SCRIPT.with_name("uneven_shares.py").read_text()
    printed = json.loads(run_forked(script).splitlines()[-1])
    for kind in ("EmbeddingModel", "DVML"):
        one, two = printed[kind]
        for name, expected in one.items():
            np.testing.assert_allclose(
                two[name], expected, atol=1e-5, err_msg=f"{kind} {name}"
            )
    # A replica without an image has nothing to train on.
    assert "each of 2 replicas an image of every" in printed["refused"]
    assert np.isfinite(printed["after"]).all()
