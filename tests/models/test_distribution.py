"""Losses see the pairs of the global batch, however it is split."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = pathlib.Path(__file__).parent / "distributed_step.py"
LOSSES = [
    "ContrastiveLoss",
    "TripletSemiHardLoss",
    "NPairLoss",
    "MultiSimilarityLoss",
]


def step(num_devices, kind, loss):
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", SCRIPT, str(num_devices), kind, loss],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("kind", "loss"),
    [*(("EmbeddingModel", loss) for loss in LOSSES), ("DVML", "NPairLoss")],
)
def test_two_replicas_step_as_one_with_the_whole_batch(kind, loss):
    whole, split = step(1, kind, loss), step(2, kind, loss)
    assert split["loss"] == pytest.approx(whole["loss"], abs=1e-5)
    for one, other in zip(whole["changes"], split["changes"], strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)
